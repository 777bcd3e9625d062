-- Let one ingest at a time add jobs, so that the ids of an ingest are consecutive.
LOCK TABLE ingests IN SHARE ROW EXCLUSIVE MODE
