"""Words of bills and notices in six languages: labels, sentences around the values, and how people ask for them there."""

from __future__ import annotations

from dataclasses import dataclass

#: What is asked of a bill in English, whatever its language: names, keys of field lists, whole questions.
ENGLISH: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "date": (
        ("date", "date of the letter", "date of writing"),
        ("date", "letter_date", "issued"),
        ("When was the letter written?", "When was this written?", "What date is on the letter?", "When was it sent?",
            "On which day was this letter written?", "What is the date of this letter?", "Date of the document?",
            "How old is this letter?", "When is the letter dated?", "What day is it from?"),
    ),
    "due": (
        ("due date", "deadline", "payment deadline"),
        ("due_date", "due", "deadline", "pay_by"),
        ("When is it due?", "When is the payment due?", "By when do I have to pay?", "What is the due date?",
            "When must it be paid?", "Until when can it be paid?", "What is the deadline for the payment?",
            "How long do I have to pay?", "By what date must the money arrive?",
            "When does the money have to be there?"),
    ),
    "amount": (
        ("amount", "amount due", "sum to pay", "total"),
        ("amount", "amount_due", "total", "sum"),
        ("How much do I have to pay?", "How much is it?", "What is the amount?", "How much money is due?",
            "What does it cost?", "How high is the bill?", "What sum is to be paid?", "How much is owed?",
            "How much must be transferred?", "What is the total?"),
    ),
    "number": (
        ("invoice number", "bill number", "number of the invoice"),
        ("invoice_no", "number", "invoice_number"),
        ("What is the invoice number?", "Which invoice is it about?", "What number does the invoice have?",
            "Number of the bill?", "Which invoice has to be paid?", "What is the number of the bill?"),
    ),
    "customer": (
        ("customer number", "account number", "client number"),
        ("customer_no", "customer_number", "account"),
        ("What is my customer number?", "Which customer number is given?", "What is the customer's number?",
            "Under which customer number am I known?", "Which number does the customer have?"),
    ),
    "sender": (
        ("sender", "company", "issuer"),
        ("sender", "company", "issuer", "from"),
        ("Who wrote the letter?", "Who sent it?", "Who is it from?", "Which company sent the letter?",
            "Who wants the money?", "Who is the sender?", "From whom is the bill?", "Whom do I have to pay?"),
    ),
    "recipient": (
        ("recipient", "addressee", "name of the customer"),
        ("recipient", "addressee", "to", "customer_name"),
        ("Who is the letter for?", "To whom was it sent?", "Who got the letter?", "Who is the addressee?",
            "Who has to pay?", "Who is it addressed to?", "Whose bill is it?", "Who received the letter?"),
    ),
    "phone": (
        ("phone number", "telephone"),
        ("phone", "telephone"),
        ("Which number can I call?", "What is the phone number?", "Where can I call?", "How can I reach them by phone?",
            "What is their telephone number?", "Whom do I call, at what number?"),
    ),
    "iban": (
        ("IBAN", "bank account", "account to pay to"),
        ("iban", "bank_account"),
        ("To which account do I pay?", "What is the IBAN?", "Where does the money go?", "Which bank account is given?",
            "Which account must be used?", "What is the account for the payment?"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language: labels and questions by fact, the head of a letter, and sentences with marked values."""

    labels: dict[str, tuple[str, ...]]
    asks: dict[str, tuple[str, ...]]
    subjects: tuple[str, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    says: tuple[str, ...]
    months: str
    day: tuple[str, ...]  # d: number, B: month, Y: year, m: month's number


TONGUES: tuple[Tongue, ...] = (
    Tongue(
        labels={
            "date": ("Date", "Date:", "Dated", "Issued on"),
            "due": ("Due", "Due date", "Payable by", "Pay before", "To be paid by"),
            "amount": ("Amount due", "Total", "Please pay", "Balance", "Amount"),
            "number": ("Invoice No.", "Bill no.", "Invoice"),
            "customer": ("Customer No.", "Account", "Your account no."),
            "phone": ("Phone", "Tel.", "Call us"),
            "iban": ("IBAN", "Account"),
        },
        asks={},
        subjects=("Your bill", "Payment reminder", "Notice of payment", "Invoice", "Final reminder",
            "Annual statement"),
        openings=("Dear Sir or Madam,", "Dear customer,", "To whom it may concern:"),
        closings=("Yours faithfully,", "Kind regards,", "Sincerely,"),
        says=("Please transfer {amount} by {due} to the account {iban}.",
            "We have not yet received {amount} for invoice {number}.", "The amount of {amount} is due on {due}.",
            "If you have questions, call us at {phone}.", "Your payment of {amount} must reach us before {due}.",
            "Please give your customer number {customer} when you pay.",
            "Invoice {number} over {amount} is still open."),
        months="January February March April May June July August September October November December",
        day=("d B Y", "B d, Y", "d/m/Y"),
    ),
    Tongue(
        labels={
            "date": ("Datum", "Datum:", "Rechnungsdatum", "Ausgestellt am"),
            "due": ("Fällig", "Fällig am", "Zahlbar bis", "Fälligkeit", "Zu zahlen bis"),
            "amount": ("Betrag", "Rechnungsbetrag", "Gesamtbetrag", "Zu zahlen", "Summe"),
            "number": ("Rechnungsnummer", "Rechnung Nr.", "Rechnungs-Nr."),
            "customer": ("Kundennummer", "Kunden-Nr.", "Ihre Kundennummer"),
            "phone": ("Telefon", "Tel.", "Rufnummer"),
            "iban": ("IBAN", "Konto"),
        },
        asks={
            "date": ("Wann wurde der Brief geschrieben?", "Von wann ist das Schreiben?", "Welches Datum hat der Brief?",
                "Datum?"),
            "due": ("Wann ist es fällig?", "Bis wann muss ich zahlen?", "Wann ist die Rechnung fällig?",
                "Wann ist der Betrag fällig?", "fällig am?"),
            "amount": ("Wie viel muss ich zahlen?", "Wie hoch ist der Betrag?", "Wie hoch ist die Rechnung?",
                "Welcher Betrag ist zu zahlen?"),
            "number": ("Wie lautet die Rechnungsnummer?", "Um welche Rechnung geht es?"),
            "customer": ("Wie lautet die Kundennummer?", "Welche Kundennummer habe ich?"),
            "sender": ("Von wem ist der Brief?", "Wer hat das geschrieben?", "Wer ist der Absender?"),
            "recipient": ("An wen ist der Brief?", "Wer ist der Empfänger?"),
            "phone": ("Welche Telefonnummer kann ich anrufen?", "Wie ist die Telefonnummer?"),
            "iban": ("Auf welches Konto muss ich zahlen?", "Wie lautet die IBAN?"),
        },
        subjects=("Zahlungserinnerung", "Ihre Rechnung", "Mahnung", "Jahresabrechnung", "Rechnung", "Beitragsbescheid"),
        openings=("Sehr geehrte Damen und Herren,", "Sehr geehrter Kunde,", "Guten Tag,"),
        closings=("Mit freundlichen Grüßen", "Freundliche Grüße", "Hochachtungsvoll"),
        says=("Bitte überweisen Sie {amount} bis zum {due} auf das Konto {iban}.",
            "Der Betrag von {amount} ist am {due} fällig.", "Bei Fragen erreichen Sie uns unter {phone}.",
            "Die Rechnung {number} über {amount} ist noch offen.",
            "Geben Sie bei der Zahlung bitte Ihre Kundennummer {customer} an.",
            "Die Zahlung ist bis {due} zu leisten."),
        months="Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        day=("d. B Y", "d.m.Y", "d.m.Y"),
    ),
    Tongue(
        labels={
            "date": ("Date", "Date :", "Le", "Émis le"),
            "due": ("Échéance", "À payer avant le", "Date limite", "Date d’échéance", "Payable le"),
            "amount": ("Montant", "Montant dû", "Total à payer", "Net à payer", "Total TTC"),
            "number": ("Facture n°", "N° de facture", "Numéro de facture"),
            "customer": ("N° client", "Référence client", "Client n°"),
            "phone": ("Téléphone", "Tél.", "Tél :"),
            "iban": ("IBAN", "Compte"),
        },
        asks={
            "date": ("Quand la lettre a-t-elle été écrite ?", "Quelle est la date de la lettre ?",
                "De quand date ce courrier ?"),
            "due": ("Quand faut-il payer ?", "Quelle est la date d’échéance ?", "Jusqu’à quand puis-je payer ?",
                "Date limite de paiement ?"),
            "amount": ("Combien dois-je payer ?", "Quel est le montant ?", "Quel est le total à payer ?"),
            "number": ("Quel est le numéro de la facture ?",),
            "customer": ("Quel est le numéro de client ?",),
            "sender": ("Qui a écrit la lettre ?", "De qui est la lettre ?", "Qui est l’expéditeur ?"),
            "recipient": ("À qui est adressée la lettre ?", "Qui est le destinataire ?"),
            "phone": ("Quel est le numéro de téléphone ?",),
            "iban": ("Sur quel compte faut-il payer ?", "Quel est l’IBAN ?"),
        },
        subjects=("Votre facture", "Rappel de paiement", "Avis d’échéance", "Relance", "Facture", "Relevé annuel"),
        openings=("Madame, Monsieur,", "Cher client,", "Chère cliente, cher client,"),
        closings=("Cordialement,", "Salutations distinguées,", "Bien à vous,"),
        says=("Veuillez régler {amount} avant le {due} sur le compte {iban}.",
            "Le montant de {amount} est à payer le {due}.", "Pour toute question, appelez le {phone}.",
            "La facture {number} de {amount} reste impayée.", "Merci de rappeler votre numéro de client {customer}."),
        months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        day=("d B Y", "d/m/Y"),
    ),
    Tongue(
        labels={
            "date": ("Fecha", "Fecha:", "Emitida el"),
            "due": ("Vencimiento", "Fecha de vencimiento", "Pagar antes del", "Vence el"),
            "amount": ("Importe", "Total a pagar", "Importe total", "Total"),
            "number": ("Factura n.º", "Número de factura", "Factura"),
            "customer": ("N.º de cliente", "Cliente", "Número de cliente"),
            "phone": ("Teléfono", "Tel.", "Tfno."),
            "iban": ("IBAN", "Cuenta"),
        },
        asks={
            "date": ("¿Cuándo se escribió la carta?", "¿De qué fecha es la carta?"),
            "due": ("¿Cuándo vence?", "¿Hasta cuándo puedo pagar?", "¿Cuál es la fecha de vencimiento?"),
            "amount": ("¿Cuánto tengo que pagar?", "¿Cuál es el importe?"),
            "number": ("¿Cuál es el número de factura?",),
            "customer": ("¿Cuál es mi número de cliente?",),
            "sender": ("¿Quién escribió la carta?", "¿De quién es la carta?"),
            "recipient": ("¿A quién va dirigida la carta?",),
            "phone": ("¿Cuál es el teléfono?",),
            "iban": ("¿A qué cuenta hay que pagar?",),
        },
        subjects=("Su factura", "Recordatorio de pago", "Aviso de cobro", "Factura", "Segundo aviso", "Resumen anual"),
        openings=("Estimado cliente:", "Muy señores míos:", "Estimada clienta:"),
        closings=("Atentamente,", "Un saludo,", "Saludos cordiales,"),
        says=("Le rogamos que pague {amount} antes del {due} en la cuenta {iban}.",
            "El importe de {amount} vence el {due}.", "Si tiene preguntas, llame al {phone}.",
            "La factura {number} por {amount} sigue pendiente.", "Indique su número de cliente {customer}."),
        months="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        day=("d de B de Y", "d/m/Y"),
    ),
    Tongue(
        labels={
            "date": ("Data", "Data:", "Emessa il"),
            "due": ("Scadenza", "Da pagare entro il", "Data di scadenza", "Scade il"),
            "amount": ("Importo", "Totale da pagare", "Totale", "Importo dovuto"),
            "number": ("Fattura n.", "Numero fattura", "Fattura"),
            "customer": ("Codice cliente", "N. cliente"),
            "phone": ("Telefono", "Tel."),
            "iban": ("IBAN", "Conto"),
        },
        asks={
            "date": ("Quando è stata scritta la lettera?", "Qual è la data della lettera?"),
            "due": ("Quando scade?", "Entro quando devo pagare?", "Qual è la scadenza?"),
            "amount": ("Quanto devo pagare?", "Qual è l’importo?"),
            "number": ("Qual è il numero della fattura?",),
            "customer": ("Qual è il codice cliente?",),
            "sender": ("Chi ha scritto la lettera?", "Di chi è la lettera?"),
            "recipient": ("A chi è indirizzata la lettera?",),
            "phone": ("Qual è il numero di telefono?",),
            "iban": ("Su quale conto devo pagare?",),
        },
        subjects=("La Sua fattura", "Sollecito di pagamento", "Avviso di scadenza", "Fattura", "Estratto conto",
            "Secondo sollecito"),
        openings=("Gentile cliente,", "Egregi signori,", "Spett.le ditta,"),
        closings=("Cordiali saluti", "Distinti saluti", "Con i migliori saluti"),
        says=("La preghiamo di versare {amount} entro il {due} sul conto {iban}.",
            "L’importo di {amount} scade il {due}.", "Per domande chiami il {phone}.",
            "La fattura {number} di {amount} risulta non pagata.", "Indichi il codice cliente {customer}."),
        months="gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        day=("d B Y", "d/m/Y", "d.m.Y"),
    ),
    Tongue(
        labels={
            "date": ("Datum", "Datum:", "Factuurdatum"),
            "due": ("Vervaldatum", "Te betalen voor", "Uiterste betaaldatum", "Vervalt op"),
            "amount": ("Bedrag", "Te betalen", "Totaal", "Totaalbedrag"),
            "number": ("Factuurnummer", "Factuur nr.", "Factuur"),
            "customer": ("Klantnummer", "Klantnr."),
            "phone": ("Telefoon", "Tel."),
            "iban": ("IBAN", "Rekening"),
        },
        asks={
            "date": ("Wanneer is de brief geschreven?", "Van welke datum is de brief?"),
            "due": ("Wanneer moet ik betalen?", "Wat is de vervaldatum?", "Tot wanneer kan ik betalen?"),
            "amount": ("Hoeveel moet ik betalen?", "Wat is het bedrag?"),
            "number": ("Wat is het factuurnummer?",),
            "customer": ("Wat is het klantnummer?",),
            "sender": ("Van wie is de brief?", "Wie heeft de brief geschreven?"),
            "recipient": ("Aan wie is de brief gericht?",),
            "phone": ("Wat is het telefoonnummer?",),
            "iban": ("Op welke rekening moet ik betalen?",),
        },
        subjects=("Uw factuur", "Betalingsherinnering", "Aanmaning", "Factuur", "Jaarafrekening", "Tweede herinnering"),
        openings=("Geachte heer, mevrouw,", "Beste klant,", "Geachte klant,"),
        closings=("Met vriendelijke groet,", "Hoogachtend,", "Vriendelijke groeten,"),
        says=("Wij verzoeken u {amount} voor {due} over te maken op rekening {iban}.",
            "Het bedrag van {amount} vervalt op {due}.", "Voor vragen belt u {phone}.",
            "Factuur {number} van {amount} staat nog open.", "Vermeld bij de betaling uw klantnummer {customer}."),
        months="januari februari maart april mei juni juli augustus september oktober november december",
        day=("d B Y", "d-m-Y", "d.m.Y"),
    ),
)  # fmt: skip
