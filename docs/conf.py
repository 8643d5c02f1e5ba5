# SPDX-License-Identifier: Apache-2.0
"""How Sphinx builds these pages: ``make docs``. A reference that leads nowhere is an error."""

from importlib.metadata import version as version_of

project = "messaging-status"
author = "The messaging-status authors"
version = release = version_of("otel-messaging-status")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "messaging-status"

myst_heading_anchors = 3
napoleon_google_docstring = True
napoleon_numpy_docstring = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
nitpick_ignore_regex = [
    # Python's own, and what these pages do not explain.
    (r"py:.*", r"(collections|datetime|pathlib|typing|types|re|enum|msgspec|pluggy|opentelemetry)(\..*)?"),
    (r"py:.*", r"(Any|Callable|Iterable|Iterator|Mapping|MappingProxyType|Sequence|Path|Final|Literal|Annotated|date)"),
    (r"py:.*", r"[a-z_]+"),
    (
        r"py:.*",
        r"messaging_status\..*\.(_\w+|Name|Text|Code|Description|Advice|Seconds|Unknown|TextFile|Plugin|Failure|Loaded|Gateway|Capture|Receipts|Edit)",
    ),
]
