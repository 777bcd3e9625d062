-- One prompt configuration with its texts.
SELECT prompts.model, prompts.prompt_id, prompts.version, prompts.prompt_file, prompts.params, prompts.columns,
       template.text AS template, instructions.text AS instructions, prompts.prompt_sha256
  FROM prompts
  LEFT JOIN texts AS template ON template.sha256 = prompts.prompt_sha256
  LEFT JOIN texts AS instructions ON instructions.sha256 = prompts.instructions_sha256
 WHERE prompts.id = %(prompt)s::bigint
