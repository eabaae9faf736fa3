"""The construct in a chart, through jsii."""

from __future__ import annotations

import cdk8s
import cdk8s_plus_27 as kplus
import pytest
from constructs import Construct
from main import ENVIRONMENTS
from releases import render
from variants import VARIANTS, on_postgresql

from cdk8s_mlflow import FixedReplicas, Ingress, InvalidProps, Mlflow, MlflowProps


def chart(namespace: str | None = "ml", name: str = "test") -> cdk8s.Chart:
    """Return an empty chart."""
    return cdk8s.Chart(cdk8s.App(), name, namespace=namespace)


CASES = {
    name: VARIANTS[name]
    for name in ("default", "inline-registry", "external-secrets", "ingress-tls", "extra-args-and-env", "scheduling")
} | {environment.name: environment.mlflow for environment in ENVIRONMENTS}


@pytest.mark.parametrize("case", CASES)
def test_the_chart_holds_the_objects_of_the_plan(case: str) -> None:
    """Crossing to jsii adds nothing, drops nothing and keeps the order."""
    scope = chart()
    Mlflow(scope, "mlflow", CASES[case])
    assert cdk8s.Testing.synth(scope) == render(CASES[case], namespace="ml").objects


def test_the_default_needs_no_props() -> None:
    """A working server."""
    scope = chart()
    Mlflow(scope, "mlflow")
    assert cdk8s.Testing.synth(scope) == render(namespace="ml").objects


def test_fields_keep_the_order_of_the_api() -> None:
    """People read the files."""
    scope = chart()
    Mlflow(scope, "mlflow", on_postgresql())
    text = cdk8s.Yaml.stringify(*cdk8s.Testing.synth(scope))
    deployment = text[text.index("kind: Deployment") :]
    fields = ["replicas:", "strategy:", "selector:", "template:", "serviceAccountName:", "initContainers:"]
    places = [deployment.index(field) for field in fields]
    assert places == sorted(places)


def test_a_chart_without_namespace_leaves_it_to_kubectl() -> None:
    """Unless a key is generated: the RoleBinding must name its subject's namespace."""
    keys = VARIANTS["existing-keys"]
    scope = chart(namespace=None)
    Mlflow(scope, "mlflow", keys)
    assert all("namespace" not in item["metadata"] for item in cdk8s.Testing.synth(scope))
    scope = chart(namespace=None)
    Mlflow(scope, "mlflow")
    assert {item["metadata"]["namespace"] for item in cdk8s.Testing.synth(scope)} == {"default"}


def test_labels_of_the_chart_are_added() -> None:
    """To the objects; the pods' labels are a contract of ours."""
    scope = cdk8s.Chart(cdk8s.App(), "test", namespace="ml", labels={"team": "ml"})
    Mlflow(scope, "mlflow")
    for item in cdk8s.Testing.synth(scope):
        assert item["metadata"]["labels"]["team"] == "ml"
        assert item["metadata"]["labels"]["app.kubernetes.io/name"] == "mlflow"


def test_others_learn_where_the_server_is() -> None:
    """Inside the cluster and outside."""
    mlflow = Mlflow(chart(), "mlflow", MlflowProps(exposure=Ingress(hosts=["mlflow.example.com"])))
    assert mlflow.tracking_uri == "http://mlflow.ml.svc.cluster.local:5000"
    assert mlflow.public_url == "http://mlflow.example.com"
    assert mlflow.client_environment() == {"MLFLOW_TRACKING_URI": "http://mlflow.ml.svc.cluster.local:5000"}


def test_a_server_inside_has_no_public_url() -> None:
    """None rather than an address that nobody reaches."""
    assert Mlflow(chart(), "mlflow").public_url is None


def test_the_user_is_told_through_the_construct_too() -> None:
    """Apps without `synthesize` may print it."""
    mlflow = Mlflow(chart(), "mlflow", MlflowProps(network_policy=None))
    assert len(mlflow.notices) == 1


def test_the_objects_can_be_patched() -> None:
    """What no prop says, a JSON patch does."""
    scope = chart()
    mlflow = Mlflow(scope, "mlflow", on_postgresql())
    (deployment,) = [item for item in mlflow.api_objects if item.kind == "Deployment"]
    deployment.add_json_patch(cdk8s.JsonPatch.add("/spec/minReadySeconds", 5))
    assert [item.kind for item in mlflow.api_objects] == [item["kind"] for item in cdk8s.Testing.synth(scope)]
    (written,) = [item for item in cdk8s.Testing.synth(scope) if item["kind"] == "Deployment"]
    assert written["spec"]["minReadySeconds"] == 5


def test_another_construct_can_depend_on_the_server() -> None:
    """Its objects come after the server's then."""
    scope = chart()
    job = cdk8s.ApiObject(scope, "job", api_version="batch/v1", kind="Job")
    job.node.add_dependency(Mlflow(scope, "mlflow", VARIANTS["existing-keys"]))
    assert [item["kind"] for item in cdk8s.Testing.synth(scope)][-1] == "Job"


def test_two_servers_share_a_chart_under_two_names() -> None:
    """Nothing of the one is in the other."""
    scope = chart()
    Mlflow(scope, "one")
    Mlflow(scope, "two")
    objects = cdk8s.Testing.synth(scope)
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(set(names)) == len(names)
    assert objects == [*render(name="one", namespace="ml").objects, *render(name="two", namespace="ml").objects]


@pytest.mark.parametrize(
    ("first", "second"),
    [(MlflowProps(name="x"), MlflowProps(name="x")), (MlflowProps(), MlflowProps(name="one"))],
    ids=["both-by-props", "by-id-and-props"],
)
def test_rejects_two_servers_of_one_name(first: MlflowProps, second: MlflowProps) -> None:
    """Their objects would overwrite each other in the cluster."""
    scope = chart()
    Mlflow(scope, "one", first)
    with pytest.raises(InvalidProps, match=r"another Mlflow of this chart has .* give one of them another name"):
        Mlflow(scope, "two", second)


def test_rejects_wrong_props_before_any_object_exists() -> None:
    """The chart is as it was, and a second try with better props may have the same id."""
    scope = chart()
    with pytest.raises(InvalidProps, match="cannot be shared by replicas"):
        Mlflow(scope, "mlflow", MlflowProps(scaling=FixedReplicas(2)))
    assert cdk8s.Testing.synth(scope) == []
    Mlflow(scope, "mlflow", MlflowProps())
    assert cdk8s.Testing.synth(scope) == render(namespace="ml").objects


def test_rejects_an_id_that_is_no_name() -> None:
    """Unless the props say another name."""
    with pytest.raises(InvalidProps, match="the construct's id: must be a DNS label"):
        Mlflow(chart(), "MLflow")
    Mlflow(chart(), "MLflow", MlflowProps(name="mlflow"))


def test_rejects_an_id_that_is_taken() -> None:
    """In our own words rather than jsii's."""
    scope = chart()
    Mlflow(scope, "mlflow", MlflowProps(name="one"))
    with pytest.raises(InvalidProps, match="choose another id"):
        Mlflow(scope, "mlflow", MlflowProps(name="two"))


def test_rejects_a_place_outside_of_a_chart() -> None:
    """An App has no namespace and writes no objects."""
    with pytest.raises(InvalidProps, match=r"must be a Chart, or stand in one \(got App\); write Mlflow\(chart"):
        Mlflow(cdk8s.App(), "mlflow")


def test_the_server_may_stand_deeper_in_a_chart() -> None:
    """In a construct of the user's own."""
    scope = chart()
    Mlflow(Construct(scope, "platform"), "mlflow")
    assert cdk8s.Testing.synth(scope) == render(namespace="ml").objects


def test_a_container_of_cdk8s_plus_becomes_a_client() -> None:
    """By one line, with the server's address as its variable."""
    scope = chart()
    mlflow = Mlflow(scope, "mlflow")
    kplus.Deployment(
        scope,
        "training",
        containers=[kplus.ContainerProps(image="training", env_variables=mlflow.env_values())],
    )
    (training,) = [
        item
        for item in cdk8s.Testing.synth(scope)
        if item["kind"] == "Deployment" and item["metadata"]["name"] != "mlflow"
    ]
    assert training["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow.ml.svc.cluster.local:5000"}
    ]


def test_the_variables_can_be_written_by_hand_too() -> None:
    """They are plain text."""
    scope = chart()
    variables = Mlflow(scope, "mlflow").client_environment()
    kplus.Deployment(
        scope,
        "training",
        containers=[
            kplus.ContainerProps(
                image="training",
                env_variables={name: kplus.EnvValue.from_value(value) for name, value in variables.items()},
            )
        ],
    )
    assert "http://mlflow.ml.svc.cluster.local:5000" in str(cdk8s.Testing.synth(scope)[-1])
