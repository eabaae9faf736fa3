"""The README's programs; CI runs them with nothing installed but the wheel."""

from cdk8s import App, Chart

from cdk8s_mlflow import Environment, Mlflow, MlflowProps, synthesize

synthesize([Environment(name="mlflow", namespace="mlflow", mlflow=MlflowProps())])

app = App()
chart = Chart(app, "own-chart", namespace="mlflow")
Mlflow(chart, "mlflow", MlflowProps())
app.synth()
