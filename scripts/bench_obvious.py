"""The obvious way to score a list of parameters, as anyone would write it; runs in an environment of its own.

Takes a file of arrays and prints one JSON document. It has nothing of this project, and scikit-learn for XGBClassifier.
"""

import json
import sys
import time

import numpy as np
from xgboost import XGBClassifier

data = np.load(sys.argv[1])
features, labels, returns = data["features"], data["labels"], data["returns"]
rows = json.loads(sys.argv[2])

scores = []
started, cpu = time.perf_counter(), time.process_time()
for row in rows:
    look_back = row.pop("look_back_hours")
    score = 0.0
    for start, stop in data["folds"]:
        train = slice(start - look_back, start)
        known = ~np.isnan(labels[train])
        model = XGBClassifier(**row).fit(features[train][known], labels[train][known])
        predicted = model.predict(features[start:stop])
        score += np.where(predicted == 1, 1.0, -1.0) @ returns[start:stop]
    scores.append(float(score))
print(
    json.dumps({"scores": scores, "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu})
)
