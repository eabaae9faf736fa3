"""A login that the user has written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

import attrs

from cdk8s_mlflow.authentication.basic_app import Asked, BasicApp
from cdk8s_mlflow.container import SCRIPTS
from cdk8s_mlflow.frozen import frozen
from cdk8s_mlflow.guards import Guard, Premises
from cdk8s_mlflow.needs import ConfigFile, Needs
from cdk8s_mlflow.values import FunctionPath, ModuleName
from cdk8s_mlflow.volumes import ConfigMapKey, KeyFiles, Mount

_DIRECTORY = "/run/mlflow/login"
_OURS = {file.stem for file in SCRIPTS.iterdir()}


@frozen(kw_only=True)
class CustomAuth(BasicApp):
    """A Python function of your own says who asks; MLflow's basic-auth app then says what he may do.

    The function takes nothing, reads ``flask.request``, and returns ``werkzeug.datastructures.Authorization`` with
    the user's name, or the response that refuses. It is asked for every request, so let it remember. Users are made
    in MLflow when they first come. Only the administrator still logs in with the password that MLflow keeps, so
    pods of this chart get in whatever the function does; a function that returns that name is refused.
    """

    function: FunctionPath
    """Where the function is, as ``module:function``."""
    modules: Mapping[ModuleName, str | ConfigMapKey] = attrs.field(factory=dict)
    """Its Python modules by name, each as source text or as a key of a ConfigMap of yours: none if the image has
    them. A changed text rolls the pods; after a change of your own ConfigMap restart them."""

    def failures(self) -> Iterator[str]:
        """Yield what is wrong with the fields together."""
        yield from super().failures()
        module = self.function.partition(":")[0]
        if self.modules and module not in self.modules:
            yield (
                f"function is in none of the modules (got {self.function!r} and {', '.join(map(repr, self.modules))}); "
                "add its module, or leave modules out if the image has it"
            )
        for name in self.modules:
            if name in _OURS or name in sys.stdlib_module_names or name == "mlflow":
                yield f"modules: the pod has another module of that name (got {name!r}); choose another one"
        for name, text in self.modules.items():
            if isinstance(text, str) and (failure := _syntax_failure(text)):
                yield f"modules[{name!r}] is no Python ({failure}); mend it"

    def guard(self, premises: Premises) -> Guard:
        """Return MLflow's app with the function in it, and the administrator's credentials for its callers."""
        files = [ConfigFile(f"{name}.py", text) for name, text in self.modules.items() if isinstance(text, str)]
        mounts = [
            Mount(
                volume=f"login-{index}",
                source=KeyFiles(kind="ConfigMap", name=key.name, items={key.key: f"{name}.py"}),
                path=f"{_DIRECTORY}/{index}",
                read_only=True,
            )
            for index, (name, key) in enumerate(self.modules.items())
            if isinstance(key, ConfigMapKey)
        ]
        needs = Needs(files=tuple(files), mounts=tuple(mounts))
        directories = tuple(mount.path for mount in mounts)
        return self.app(premises, Asked(function=self.function, needs=needs, directories=directories))


def _syntax_failure(text: str) -> str | None:
    try:
        compile(text, "<module>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return str(error)
    return None
