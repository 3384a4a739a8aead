"""What letters of six languages write around their matters: days, times, subjects, and how one asks for them.

Languages are in the order of `tongues.TONGUES`.
"""

from __future__ import annotations

DAYS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday", "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "lundi mardi mercredi jeudi vendredi samedi dimanche", "lunes martes miércoles jueves viernes sábado domingo",
    "lunedì martedì mercoledì giovedì venerdì sabato domenica", "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
)  # fmt: skip
CLOCK = (
    ("{h}:{m}", "{h}:{m} hours", "{p}:{m} {half}", "{p}.{m} {half}"), ("{h}:{m} Uhr", "{h}.{m} Uhr", "{h} Uhr"),
    ("{h} h {m}", "{h}h{m}", "{h}:{m}", "{h} heures"), ("{h}:{m}", "{h}.{m} h", "{h}:{m} horas"), ("{h}:{m}", "{h}.{m}"),
    ("{h}:{m} uur", "{h}.{m} uur", "{h} uur"),
)  # fmt: skip
WITHIN = (
    ("days", "days", "weeks", "months"), ("Tagen", "Tagen", "Wochen", "Monaten"), ("jours", "jours", "semaines", "mois"),
    ("días", "días", "semanas", "meses"), ("giorni", "giorni", "settimane", "mesi"), ("dagen", "dagen", "weken", "maanden"),
)  # fmt: skip
ON = {1: ", den ", 2: ", le "}  # between town and day
PERCENT = ("per cent", "Prozent", "pour cent", "por ciento", "per cento", "procent")
SUBJECT = (("Subject:", "Re:", "About:", ""), ("Betreff:", "Betr.:", ""), ("Objet :", "Objet:", ""), ("Asunto:", ""),
            ("Oggetto:", ""), ("Betreft:", "Onderwerp:", ""))  # fmt: skip
TOPICS = {
    "appointment": ("Appointment", "Ihr Termin", "Rendez-vous", "Su cita", "Appuntamento", "Uw afspraak"),
    "notice": ("Notice of cancellation", "Kündigung", "Résiliation", "Cancelación", "Disdetta", "Opzegging"),
    "rent": ("Change of rent", "Mieterhöhung", "Votre loyer", "Alquiler", "Affitto", "Huurverhoging"),
    "rate": ("Your loan", "Ihr Darlehen", "Votre prêt", "Su préstamo", "Il Suo prestito", "Uw lening"),
    "delivery": ("Your order", "Ihre Bestellung", "Votre commande", "Su pedido", "Il Suo ordine", "Uw bestelling"),
    "complaint": ("Complaint", "Reklamation", "Réclamation", "Reclamación", "Reclamo", "Klacht"),
    "invitation": ("Invitation", "Einladung", "Invitation", "Invitación", "Invito", "Uitnodiging"),
    "job": ("Your application", "Ihre Bewerbung", "Votre candidature", "Su solicitud", "La Sua domanda", "Uw sollicitatie"),
    "damage": ("Claim", "Schadenmeldung", "Sinistre", "Siniestro", "Sinistro", "Schademelding"),
    "fee": ("Membership", "Mitgliedschaft", "Adhésion", "Cuota", "Iscrizione", "Lidmaatschap"),
    "meter": ("Meter reading", "Zählerstand", "Relevé", "Lectura del contador", "Lettura del contatore", "Meterstand"),
    "offer": ("Our offer", "Unser Angebot", "Notre offre", "Nuestra oferta", "La nostra offerta", "Ons aanbod"),
}  # fmt: skip
ABOUT = (("What is the letter about?", "What is the subject?", "Why was the letter written?", "What is it about?"),
          ("Worum geht es?", "Was ist der Betreff?"), ("Quel est l’objet de la lettre ?",), ("¿Cuál es el asunto?",),
          ("Qual è l’oggetto?",), ("Waar gaat de brief over?",))  # fmt: skip
SIGNED = (("Who signed the letter?", "Who signed it?", "Whose name is at the end?", "Who is the signer?"),
           ("Wer hat unterschrieben?", "Wer hat den Brief unterschrieben?"), ("Qui a signé la lettre ?",),
           ("¿Quién firma la carta?",), ("Chi ha firmato la lettera?",), ("Wie heeft de brief ondertekend?",))  # fmt: skip
TOWN = (("Where was the letter written?", "In which town was it written?"), ("Wo wurde der Brief geschrieben?",),
         ("Où la lettre a-t-elle été écrite ?",), ("¿Dónde se escribió la carta?",), ("Dove è stata scritta la lettera?",),
         ("Waar is de brief geschreven?",))  # fmt: skip
