"""Where things are kept: a table port (SQLite, DynamoDB) and a file port (folder, S3).

Knows nothing of reports. Engines are imported where they are made, so that a
function never loads the one that it does not use.
"""
