"""Operations on JSON Schemas.

normal_forms  schemas without references, as alternatives, as sender or reader
subsumption   whether every value of one schema is valid under another
descriptions  schemas and values as short text
"""
