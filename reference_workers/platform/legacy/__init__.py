"""The pipeline before Conductor: one Celery task for a whole meeting; removed after the move.

Everything that imports Celery is in this folder.
"""
