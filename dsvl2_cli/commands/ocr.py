"""placeholder"""
EPILOG = ""

def ocr() -> None:
    """x"""
