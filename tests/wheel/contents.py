"""Fail unless the wheel holds both packages, typed, with their jsii bundles, and nothing else."""

import sys
import zipfile

PACKAGES = {"cdk8s_mlflow", "cdk8s_mlflow_crds"}

files = zipfile.ZipFile(sys.argv[1]).namelist()
top = {file.split("/")[0] for file in files if ".dist-info/" not in file}
missing = {f"{package}/py.typed" for package in PACKAGES} - set(files)
bindings = {file.rpartition("/")[0] for file in files if file.endswith("/_jsii/__init__.py")}
bundles = {file.rpartition("/")[0] for file in files if file.endswith(".jsii.tgz")}

if top != PACKAGES:
    sys.exit(f"{sys.argv[1]}: expected only {sorted(PACKAGES)} (got {sorted(top)})")
if missing:
    sys.exit(f"{sys.argv[1]}: lacks {sorted(missing)}")
if not bindings or bindings != bundles:
    sys.exit(f"{sys.argv[1]}: expected a .jsii.tgz for each binding (got {sorted(bindings)}, {sorted(bundles)})")
