"""The README's first program; CI runs it with nothing installed but the wheel."""

from cdk8s import App, Chart

from cdk8s_mlflow import Mlflow, MlflowProps

app = App()
chart = Chart(app, "mlflow", namespace="mlflow")

Mlflow(chart, "mlflow", MlflowProps())

app.synth()
