"""The smallest app; CI runs it with nothing installed but the wheel."""

from cdk8s import App, Chart

from cdk8s_mlflow import Mlflow, MlflowProps

app = App()
chart = Chart(app, "mlflow")
Mlflow(chart, "mlflow", MlflowProps())
app.synth()
