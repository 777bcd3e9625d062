-- Add a prompt configuration if it is new; it keeps the file name under which it was first stored.
INSERT INTO prompts (
    key, prompt_id, version, prompt_file, prompt_sha256, instructions_sha256, model, params, columns, created_at)
VALUES (
    %(key)s::bytea, %(prompt_id)s, %(version)s, %(prompt_file)s, %(prompt_sha256)s, %(instructions_sha256)s, %(model)s, %(params)s, %(columns)s, %(now)s::timestamptz)
ON CONFLICT (key) DO NOTHING
