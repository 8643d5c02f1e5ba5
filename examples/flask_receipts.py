# SPDX-License-Identifier: Apache-2.0
"""Delivery receipts in Flask: their meaning is on the server span of the request that brought them.

pip install flask gunicorn opentelemetry-instrumentation-flask 'otel-messaging-status[instrument]'
opentelemetry-instrument gunicorn --chdir examples flask_receipts:app
"""

from flask import Flask, request

from messaging_status.capture.receipts import ReceiptMiddleware

app = Flask(__name__)
app.wsgi_app = ReceiptMiddleware(app.wsgi_app, paths=["/receipts"])  # type: ignore[assignment, method-assign]


# The platform asks for the address with HEAD before it lets you save it, and takes nothing but 200 for an answer.
@app.route("/receipts", methods=["HEAD", "POST"])
def receive() -> dict[str, int]:
    """Take a receipt: the body is here as it was sent."""
    return {"bytes": len(request.get_data())}
