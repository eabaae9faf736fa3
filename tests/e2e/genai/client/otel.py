"""Send a trace that ended two hours ago, by OpenTelemetry's own exporter: ``otel.py ENDPOINT`` prints its identity."""

import json
import sys
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # type: ignore[import-not-found, unused-ignore]
from opentelemetry.sdk.resources import Resource  # type: ignore[import-not-found, unused-ignore]
from opentelemetry.sdk.trace import TracerProvider  # type: ignore[import-not-found, unused-ignore]
from opentelemetry.sdk.trace.export import BatchSpanProcessor  # type: ignore[import-not-found, unused-ignore]
from opentelemetry.trace import set_span_in_context  # type: ignore[import-not-found, unused-ignore]

exporter = OTLPSpanExporter(endpoint=sys.argv[1], headers={"x-mlflow-experiment-id": "0"}, timeout=30)
provider = TracerProvider(resource=Resource.create({"service.name": "exporter"}))
provider.add_span_processor(BatchSpanProcessor(exporter))
tracer = provider.get_tracer("e2e")
then = time.time_ns() - 2 * 3600 * 10**9
outer = tracer.start_span("outer", start_time=then, attributes={"städte": "Zürich, 東京"})
inner = tracer.start_span("inner", context=set_span_in_context(outer), start_time=then + 10**6)
inner.end(then + 2 * 10**6)
outer.end(then + 3 * 10**6)
assert provider.force_flush()
provider.shutdown()
print(json.dumps(f"tr-{outer.get_span_context().trace_id:032x}"))  # noqa: T201 - the answer
