# SPDX-License-Identifier: Apache-2.0
"""Delivery receipts in FastAPI: their meaning is on the server span of the request that brought them.

pip install fastapi uvicorn opentelemetry-instrumentation-fastapi 'otel-messaging-status[instrument]'
opentelemetry-instrument uvicorn --app-dir examples fastapi_receipts:app
"""

from fastapi import FastAPI, Request

from messaging_status.capture.receipts import ReceiptMiddleware

app = FastAPI()
app.add_middleware(ReceiptMiddleware, paths=["/receipts"])


# The platform asks for the address with HEAD before it lets you save it, and takes nothing but 200 for an answer.
@app.api_route("/receipts", methods=["HEAD", "POST"])
async def receive(request: Request) -> dict[str, int]:
    """Take a receipt: the body is here as it was sent."""
    return {"bytes": len(await request.body())}
