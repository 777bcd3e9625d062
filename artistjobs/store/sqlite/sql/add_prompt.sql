-- A way of asking is stored once; what people call its file is the first name it came under.
INSERT INTO prompts (
    key, prompt_id, version, prompt_file, prompt_sha256, instructions_sha256, model, params, created_at)
VALUES (
    :key, :prompt_id, :version, :prompt_file, :prompt_sha256, :instructions_sha256, :model, :params, :now)
ON CONFLICT (key) DO NOTHING
