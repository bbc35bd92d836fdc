BEGIN TRANSACTION;
CREATE TABLE archive (
                program_id TEXT PRIMARY KEY,
                FOREIGN KEY (program_id) REFERENCES programs(id)
                    ON DELETE CASCADE
            );
CREATE TABLE attempt_log (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                generation INTEGER NOT NULL,
                stage TEXT NOT NULL,
                status TEXT NOT NULL,
                details TEXT,
                created_at REAL NOT NULL
            );
INSERT INTO "attempt_log" VALUES(1,1,'proposal','failed','{"api_costs": 0.0, "failure_class": "patch_apply_failed", "failure_stage": "proposal", "model_name": "local/sim@http://127.0.0.1:8042/v1", "node_kind": "failed_proposal", "novelty_attempt": 1, "parent_id": "56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7", "patch_attempt": 1, "patch_type": "diff", "resample_attempt": 3}',1.79597238213489484789e+09);
INSERT INTO "attempt_log" VALUES(2,3,'proposal','failed','{"api_costs": 0.0, "failure_class": "patch_apply_failed", "failure_stage": "proposal", "model_name": "local/sim@http://127.0.0.1:8042/v1", "node_kind": "failed_proposal", "novelty_attempt": 1, "parent_id": "56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7", "patch_attempt": 1, "patch_type": "diff", "resample_attempt": 3}',1.79597238624957728381e+09);
INSERT INTO "attempt_log" VALUES(3,6,'proposal','failed','{"api_costs": 0.0, "failure_class": "patch_apply_failed", "failure_stage": "proposal", "model_name": "local/sim@http://127.0.0.1:8042/v1", "node_kind": "failed_proposal", "novelty_attempt": 1, "parent_id": "ff9b565d-d6e8-4eaa-8702-72566dbf420c", "patch_attempt": 1, "patch_type": "diff", "resample_attempt": 3}',1.79597239191462016098e+09);
CREATE TABLE metadata_store (
                key TEXT PRIMARY KEY, value TEXT
            );
CREATE TABLE programs (
                id TEXT PRIMARY KEY,
                code TEXT NOT NULL,
                language TEXT NOT NULL,
                parent_id TEXT,
                archive_inspiration_ids TEXT,  -- JSON serialized List[str]
                top_k_inspiration_ids TEXT,    -- JSON serialized List[str]
                generation INTEGER NOT NULL,
                timestamp REAL NOT NULL,
                code_diff TEXT,     -- Stores edit difference
                combined_score REAL,
                public_metrics TEXT, -- JSON serialized Dict[str, Any]
                private_metrics TEXT, -- JSON serialized Dict[str, Any]
                text_feedback TEXT, -- Text feedback for the program
                complexity REAL,   -- Calculated complexity metric
                embedding TEXT,    -- JSON serialized List[float]
                embedding_pca_2d TEXT, -- JSON serialized List[float]
                embedding_pca_3d TEXT, -- JSON serialized List[float]
                embedding_cluster_id INTEGER,
                correct BOOLEAN DEFAULT 0,  -- Correct (0=False, 1=True)
                children_count INTEGER NOT NULL DEFAULT 0,
                metadata TEXT,      -- JSON serialized Dict[str, Any]
                migration_history TEXT, -- JSON of migration events
                island_idx INTEGER,  -- Add island_idx to the schema
                system_prompt_id TEXT  -- ID of system prompt that generated this program
            );
INSERT INTO "programs" VALUES('56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7','','python',NULL,'[]','[]',0,1.79597238004646110533e+09,'',0.0,'{"b0": 0.0, "b1": 0.0, "b2": 0.0, "b3": 0.0}','{}','',0.38,'[]','[]','[]',NULL,1,1,'{"api_costs": 0.0, "patch_type": "init", "sampling_seconds": 0.0, "evaluation_seconds": 0.5126371383666992}','[]',0,NULL);
INSERT INTO "programs" VALUES('ff9b565d-d6e8-4eaa-8702-72566dbf420c','','python','56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7','[]','[]',2,1.79597238554285693165e+09,'',0.0,'{"b0": 0.0, "b1": 0.0, "b2": 0.0, "b3": 0.0}','{}','',0.38,'[]','[]','[]',NULL,1,3,'{"api_costs": 0.0, "patch_type": "full", "num_applied": 1, "novelty_attempt": 1, "resample_attempt": 2, "patch_attempt": 1, "model_name": "local/sim@http://127.0.0.1:8042/v1", "llm_result": {"model_name": "sim", "input_tokens": 532, "output_tokens": 106, "thinking_tokens": 0, "cost": 0.0, "input_cost": 0.0, "output_cost": 0.0}, "sampling_seconds": 0.2935810089111328, "evaluation_seconds": 0.17166852951049805}','[]',0,NULL);
INSERT INTO "programs" VALUES('2db3baeb-f799-4f92-b1ae-cecc0f3af727','','python','ff9b565d-d6e8-4eaa-8702-72566dbf420c','["56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7"]','[]',4,1.7959723911019210815e+09,'',1.0,'{"b0": 0.0, "b1": 1.0, "b2": 0.0, "b3": 0.0}','{}','',0.38,'[]','[]','[]',NULL,1,0,'{"api_costs": 0.0, "patch_type": "diff", "num_applied": 2, "novelty_attempt": 1, "resample_attempt": 3, "patch_attempt": 1, "model_name": "local/sim@http://127.0.0.1:8042/v1", "llm_result": {"model_name": "sim", "input_tokens": 837, "output_tokens": 62, "thinking_tokens": 0, "cost": 0.0, "input_cost": 0.0, "output_cost": 0.0}, "sampling_seconds": 0.4259984493255615, "evaluation_seconds": 0.07228612899780273}','[]',0,NULL);
INSERT INTO "programs" VALUES('09737828-1444-4cb5-b48b-0790da40ba72','','python','ff9b565d-d6e8-4eaa-8702-72566dbf420c','["2db3baeb-f799-4f92-b1ae-cecc0f3af727"]','["56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7"]',5,1.79597239155347108844e+09,'',0.0,'{"b0": 0.0, "b1": 0.0, "b2": 0.0, "b3": 0.0}','{}','',0.38,'[]','[]','[]',NULL,1,0,'{"api_costs": 0.0, "patch_type": "diff", "num_applied": 2, "novelty_attempt": 1, "resample_attempt": 2, "patch_attempt": 1, "model_name": "local/sim@http://127.0.0.1:8042/v1", "llm_result": {"model_name": "sim", "input_tokens": 941, "output_tokens": 62, "thinking_tokens": 0, "cost": 0.0, "input_cost": 0.0, "output_cost": 0.0}, "sampling_seconds": 0.3279447555541992, "evaluation_seconds": 0.10374999046325684}','[]',0,NULL);
INSERT INTO "programs" VALUES('4fd37986-f97c-419e-ab63-379a41f7ea7e','','python','ff9b565d-d6e8-4eaa-8702-72566dbf420c','["2db3baeb-f799-4f92-b1ae-cecc0f3af727"]','["56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7"]',7,1.79597239686481094356e+09,'',2.0,'{"b0": 1.0, "b1": 0.0, "b2": 0.0, "b3": 1.0}','{}','',0.38,'[]','[]','[]',NULL,1,1,'{"api_costs": 0.0, "patch_type": "diff", "num_applied": 2, "novelty_attempt": 1, "resample_attempt": 1, "patch_attempt": 1, "model_name": "local/sim@http://127.0.0.1:8042/v1", "llm_result": {"model_name": "sim", "input_tokens": 941, "output_tokens": 62, "thinking_tokens": 0, "cost": 0.0, "input_cost": 0.0, "output_cost": 0.0}, "sampling_seconds": 0.12145209312438965, "evaluation_seconds": 0.18024349212646484}','[]',0,NULL);
INSERT INTO "programs" VALUES('ed327702-b7d4-43db-94d7-9906b77da9a4','','python','4fd37986-f97c-419e-ab63-379a41f7ea7e','["56520a0b-7e5d-4b01-91db-f2d9b7a0b2a7"]','["2db3baeb-f799-4f92-b1ae-cecc0f3af727"]',8,1.7959723974867560863e+09,'',2.0,'{"b0": 1.0, "b1": 0.0, "b2": 0.0, "b3": 1.0}','{}','',0.38,'[]','[]','[]',NULL,1,0,'{"api_costs": 0.0, "patch_type": "full", "num_applied": 1, "novelty_attempt": 1, "resample_attempt": 2, "patch_attempt": 1, "model_name": "local/sim@http://127.0.0.1:8042/v1", "llm_result": {"model_name": "sim", "input_tokens": 790, "output_tokens": 106, "thinking_tokens": 0, "cost": 0.0, "input_cost": 0.0, "output_cost": 0.0}, "sampling_seconds": 0.41488003730773926, "evaluation_seconds": 0.15738797187805176}','[]',0,NULL);
COMMIT;
