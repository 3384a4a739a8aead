"""Fields out of documents, as JSON that is valid for a schema.

form = read_schema("invoice_no, date: date, total: number, items[]: {text, amount: number}")
extraction = extract("invoice.pdf", views, engine, form, rules=rules_of(form, ["sum(items.amount) == total"]))
"""

from dsvl2.pipelines.extract.asking import Asker
from dsvl2.pipelines.extract.render import columns_of, csv_text, extraction_record, json_text, xlsx_data
from dsvl2.pipelines.extract.run import extract, rules_of
from dsvl2.pipelines.extract.schema import read_schema, validation_errors
from dsvl2.pipelines.extract.shapes import Form
from dsvl2.pipelines.extract.shortform import json_schema, short_form
from dsvl2.pipelines.extract.types import HALF, Extraction, FieldEvidence, LeftOut, Options, RuleOutcome, View, pages_of

__all__ = [
    "HALF",
    "Asker",
    "Extraction",
    "FieldEvidence",
    "Form",
    "LeftOut",
    "Options",
    "RuleOutcome",
    "View",
    "columns_of",
    "csv_text",
    "extract",
    "extraction_record",
    "json_schema",
    "json_text",
    "pages_of",
    "read_schema",
    "rules_of",
    "short_form",
    "validation_errors",
    "xlsx_data",
]
