// SPDX-License-Identifier: Apache-2.0
// A sender on the SDK for Node.js that knows nothing of this project: so many spans with a code, and one log with it.
// node sender.mjs http/json|http/protobuf|grpc ENDPOINT SPANS: ends with 1 if an export failed, and says why on stderr.

import process from "node:process";
import { inspect } from "node:util";

import { DiagConsoleLogger, DiagLogLevel, SpanKind, diag } from "@opentelemetry/api";
import { setGlobalErrorHandler } from "@opentelemetry/core";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const PACKAGES = { "http/json": "http", "http/protobuf": "proto", grpc: "grpc" };

const [protocol, endpoint, count] = process.argv.slice(2);
const name = PACKAGES[protocol];
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${name}`);
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${name}`);
const url = (path) => (protocol === "grpc" ? endpoint : `${endpoint.replace(/\/$/, "")}${path}`);

// What a batch processor sends before it is flushed fails here, and nowhere else.
const failed = (error) => {
  process.stderr.write(`${inspect(error)}\n`);
  process.exitCode = 1;
};
setGlobalErrorHandler(failed);
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

const spans = Number(count);
const traces = new BasicTracerProvider({
  spanProcessors: [
    new BatchSpanProcessor(new OTLPTraceExporter({ url: url("/v1/traces") }), { maxQueueSize: Math.max(spans, 512) }),
  ],
});
const logs = new LoggerProvider({
  processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter({ url: url("/v1/logs") }) })],
});

const tracer = traces.getTracer("node-sender");
for (let number = 0; number < spans; number += 1) {
  const span = tracer.startSpan("send", { kind: SpanKind.PRODUCER });
  span.setAttributes({
    "messaging.system": "webex_connect",
    "messaging.channel": "sms",
    "messaging.status.code": "7206",
    "app.number": number,
  });
  span.end();
}
logs.getLogger("node-sender").emit({
  body: JSON.stringify({ channel: "sms", code: "7206", "messaging.system": "webex_connect" }),
});

for (const provider of [traces, logs]) {
  await provider.forceFlush().catch(failed);
  await provider.shutdown().catch(failed);
}
