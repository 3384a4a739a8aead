"""The words of invoices: labels, column heads, and how people ask for the total."""

from __future__ import annotations

TITLES = ("INVOICE", "Invoice", "TAX INVOICE", "PURCHASE ORDER", "Order confirmation", "STATEMENT", "QUOTATION",
    "Credit note", "RECHNUNG", "Delivery note",
           "Pro forma invoice", "BILL", "FACTURE", "Estimate")  # fmt: skip
NUMBER = ("Invoice No.", "Invoice #", "Invoice Number", "No.", "Order No.", "PO Number", "Statement No.",
    "Document no.", "Rechnung Nr.", "Reference",
           "INVOICE NO", "Quote #")  # fmt: skip
DATE = (
    "Date",
    "Invoice Date",
    "Date of issue",
    "Issued",
    "Order date",
    "Datum",
    "Dated",
    "INVOICE DATE",
    "Billing date",
)
DUE = ("Due Date", "Payment due", "Due", "Pay by", "Terms: due", "Zahlbar bis", "Payable until", "DUE DATE")
TO = (
    "Bill to",
    "BILL TO:",
    "Customer",
    "Sold To:",
    "Invoice to",
    "To:",
    "Client",
    "Billed to",
    "Buyer",
    "Invoice address",
)
SHIP = (
    "Ship to",
    "SHIP TO:",
    "Deliver to",
    "Delivery address",
    "Consignee",
    "Shipping address:",
    "Job site",
    "Destination",
)
MORE = ("Customer No.", "Account", "VAT ID", "Terms", "Salesperson", "Your order", "Contact", "Ship via", "Currency",
    "Project", "IBAN", "BIC", "Page",
         "Delivery note", "Tax number", "Cost centre", "F.O.B.", "Phone", "E-mail", "Incoterms")  # fmt: skip
TOTALS = ("Total", "TOTAL", "Amount due", "Total due", "Grand total", "Balance due", "TOTAL DUE", "Invoice total",
    "Gesamtbetrag", "Total amount", "To pay",
           "Total TTC", "Total payable", "TOTAL (EUR)", "Please pay", "Amount payable", "New balance")  # fmt: skip
NAMES = (
    "total",
    "total amount",
    "amount due",
    "invoice total",
    "grand total",
    "sum to pay",
    "total due",
    "balance due",
)
ASKS = ("How much has to be paid?", "What is the total of the invoice?", "How much is the invoice?",
    "What does it come to?", "How much is due?",
         "What amount is to be paid?", "What is the total amount due?")  # fmt: skip
COLUMNS = ((("Description", "Item", "Product", "Article", "Bezeichnung", "Particulars", "Service"), ("description",
    "text", "name", "item")),
            (("Qty", "Quantity", "Units", "Menge", "Hours", "QTY", "No."), ("quantity", "qty", "count")),
            (("Unit price", "Price", "Rate", "Unit", "Each", "Einzelpreis", "UNIT PRICE"), ("unit_price", "price", "rate")),
            (("Amount", "Total", "Line total", "Net", "Betrag", "AMOUNT", "Sum"), ("amount", "total", "line_total",
                "sum")))  # fmt: skip
