"""QR codes: pictures, symbols, payloads."""
