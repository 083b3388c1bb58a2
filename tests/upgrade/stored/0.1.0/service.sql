BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE epochs (
	canary TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (canary)
);
INSERT INTO "epochs" VALUES('weather/ad','{"canary": {"namespace": "weather", "name": "ad"}, "number": 1, "began_at": 1000000.0, "seen_at": 1000000.0, "checksum": "r2", "advanced": true, "ended": false, "step": 0, "held": [], "template": ""}');
CREATE TABLE events (
	sequence INTEGER NOT NULL, 
	canary TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "events" VALUES(1,'weather/ad','{"checksum": "r2", "phase": "Progressing", "at": 1000000.0, "metadata": {"eventMessage": "ad.weather canary weight 20", "eventType": "Normal"}}');
CREATE TABLE gate_changes (
	sequence INTEGER NOT NULL, 
	canary TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (sequence)
);
INSERT INTO "gate_changes" VALUES(1,'weather/ad','{"canary": {"namespace": "weather", "name": "ad"}, "gate": "confirm-promotion", "epoch": 1, "state": "waiting", "at": 1000000.0, "who": "", "why": "", "checksum": "r2", "approvals": [], "needed": 1, "expires_at": 0.0, "rolls_back": false, "template": ""}');
INSERT INTO "gate_changes" VALUES(2,'weather/ad','{"canary": {"namespace": "weather", "name": "ad"}, "gate": "confirm-promotion", "epoch": 1, "state": "open", "at": 1000000.0, "who": "ann", "why": "seen on staging", "checksum": "r2", "approvals": ["ann"], "needed": 1, "expires_at": 0.0, "rolls_back": false, "template": ""}');
CREATE TABLE gates (
	canary TEXT NOT NULL, 
	epoch INTEGER NOT NULL, 
	gate TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (canary, epoch, gate)
);
INSERT INTO "gates" VALUES('weather/ad',1,'confirm-promotion','{"canary": {"namespace": "weather", "name": "ad"}, "gate": "confirm-promotion", "epoch": 1, "state": "open", "at": 1000000.0, "who": "ann", "why": "seen on staging", "checksum": "r2", "approvals": ["ann"], "needed": 1, "expires_at": 0.0, "rolls_back": false, "template": ""}');
CREATE TABLE journals (
	canary TEXT NOT NULL, 
	release_id TEXT NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (canary, release_id)
);
CREATE TABLE releases (
	canary TEXT NOT NULL, 
	id TEXT NOT NULL, 
	namespace TEXT NOT NULL, 
	name TEXT NOT NULL, 
	under_way INTEGER NOT NULL, 
	began_at DOUBLE NOT NULL, 
	heard_at DOUBLE NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (canary, id)
);
INSERT INTO "releases" VALUES('weather/ad','hooks-1000000000','weather','ad',1,1000000.0,1000000.0,'{"canary": {"namespace": "weather", "name": "ad"}, "id": "hooks-1000000000", "began_at": 1000000.0, "heard_at": 1000000.0, "teller": "hooks", "plan": {"title": "", "revision": "r2", "previous": "", "strategy": "", "judge": "", "weights": [], "threshold": null, "interval_s": null, "minimum_success_percent": null, "maximum_p99_ms": null}, "phase": "Progressing", "weight": null, "failed_checks": null, "reason": "", "ending": null, "ended_at": 0.0, "decided": 0, "sequence": 0, "lost": 0}');
CREATE TABLE reports (
	canary TEXT NOT NULL, 
	release_id TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (canary, release_id, sequence)
);
CREATE TABLE run_logs (
	run_id TEXT NOT NULL, 
	start INTEGER NOT NULL, 
	size INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	PRIMARY KEY (run_id, start)
);
CREATE TABLE runs (
	id TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	standing INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	ended_at DOUBLE NOT NULL, 
	version INTEGER NOT NULL, 
	document TEXT NOT NULL, 
	canary TEXT DEFAULT '' NOT NULL, 
	test TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES('00000000000000000000000000000000','dfaac2564ef2ea5ce6417924b6b1dfda0a0e54e4b13a14f188fee8cd2f8af6e0',1,'passed',1000000.0,1000000.0,1,'{"id": "00000000000000000000000000000000", "order": {"key": "dfaac2564ef2ea5ce6417924b6b1dfda0a0e54e4b13a14f188fee8cd2f8af6e0", "canary": {"namespace": "weather", "name": "ad"}, "epoch": 1, "hook": "pre-rollout", "test": "suite", "definition": "{\"kind\": \"http\", \"requests\": [{\"path\": \"/ad\"}], \"target\": \"http://{name}-canary.{namespace}:{port}\", \"port\": 3003, \"job\": {\"namespace\": \"{namespace}\"}}", "target": "http://ad-canary.weather:3003", "connect": "127.0.0.1:9", "parameters": {}}, "created_at": 1000000.0, "state": "passed", "standing": true, "starts": 0, "started_at": 0.0, "ended_at": 1000000.0, "owner": "", "lease_until": 0.0, "cancel": "", "watch": null, "report": "", "reason": "12 checks passed", "log": "", "version": 1}','weather/ad','suite');
INSERT INTO "runs" VALUES('00000000000000000000000000000001','f9004e1f7ce7a8a98e5a0e029572509055d55d94645a69ed2829856c6f4076b2',1,'running',1000000.0,0.0,1,'{"id": "00000000000000000000000000000001", "order": {"key": "f9004e1f7ce7a8a98e5a0e029572509055d55d94645a69ed2829856c6f4076b2", "canary": {"namespace": "weather", "name": "ad"}, "epoch": 1, "hook": "rollout", "test": "load", "definition": "{\"kind\": \"load\", \"plan\": {\"rate\": 20}, \"thresholds\": [\"http_req_failed: rate<0.05\"], \"minimumRequests\": 5, \"target\": \"http://{name}-canary.{namespace}:{port}\", \"port\": 3003, \"job\": {\"namespace\": \"{namespace}\"}}", "target": "http://ad-canary.weather:3003", "connect": "127.0.0.1:9", "parameters": {}}, "created_at": 1000000.0, "state": "running", "standing": true, "starts": 0, "started_at": 0.0, "ended_at": 0.0, "owner": "", "lease_until": 0.0, "cancel": "", "watch": {"lease_until": 1000180.0, "called_at": 1000000.0, "judged_at": 1000000.0, "judged": "", "verdict": "passed", "reason": "load started"}, "report": "{\"schema\": \"penstock.load/1\", \"elapsed_s\": 20.0, \"requests\": 200, \"failures\": 1, \"scheduled\": 200, \"dropped\": 0, \"interrupted\": 0, \"names\": {\"ad\": {\"response\": {\"cells\": [[222, 200]], \"sum_us\": 400000, \"max_us\": 2000}, \"service\": {\"cells\": [[222, 200]], \"sum_us\": 400000, \"max_us\": 2000}, \"failures\": 1, \"received_bytes\": 0, \"checks_passed\": 0, \"checks_failed\": 0, \"requests\": 200, \"statuses\": {}}}, \"errors\": [], \"lag\": {\"cells\": [], \"sum_us\": 0, \"max_us\": 0}, \"health\": {\"cpu_s\": 0.0, \"memory_mb\": 0.0, \"users\": 0, \"in_flight\": 0, \"workers\": 1, \"workers_lost\": 0, \"script_errors\": 0}}", "reason": "", "log": "", "version": 1}','weather/ad','load');
CREATE INDEX runs_state ON runs (state, created_at);
CREATE INDEX runs_created ON runs (created_at, id);
CREATE UNIQUE INDEX runs_standing ON runs ("key") WHERE standing = 1;
CREATE INDEX runs_canary ON runs (canary, created_at);
CREATE INDEX gate_changes_canary ON gate_changes (canary, sequence);
CREATE INDEX events_canary ON events (canary, sequence);
CREATE INDEX releases_place ON releases (under_way, began_at, namespace, name, id);
CREATE INDEX releases_canary ON releases (canary, under_way, began_at);
CREATE INDEX releases_namespace ON releases (namespace, under_way, began_at);
COMMIT;
