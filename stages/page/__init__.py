"""The pages that people read, and what they have in common: cleaned texts, pictures, charts, the style sheet."""
