# SPDX-License-Identifier: Apache-2.0
"""An application whose root log handler leads into the SDK, as its own set-up says."""

import logging
import sys

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor

provider = LoggerProvider()
processor = {"simple": SimpleLogRecordProcessor, "batch": BatchLogRecordProcessor}[sys.argv[1]]
provider.add_log_record_processor(processor(OTLPLogExporter()))
logging.getLogger("urllib3").setLevel(logging.CRITICAL)
logging.basicConfig(format="%(message)s", level=logging.INFO, handlers=[LoggingHandler(logger_provider=provider)])
for _ in range(10):
    logging.getLogger("sender").warning("receipt channel=sms code=7206")
provider.shutdown()
