"""Allowed words and defaults of a setting, which the command line shows in --help."""

ATTENTIONS = ("eager", "sdpa")
DTYPES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
MODES = ("inference", "training")
OPTIMIZERS = ("none", "sgd", "momentum", "adamw")
AMPS = ("off", "bfloat16", "float16")
DEFAULT_MODEL = "pvt_v2_b2"
DEFAULT_POOL_SIZE = 7
DEFAULT_PROPOSALS = 1000  # of one image, as mmdetection tests Mask R-CNN
DEFAULT_BUDGET_S = 30.0
CALIBRATE_BUDGET_S = 20.0
CHECK_BUDGET_S = 8.0  # for each row of `pvtprof check`
ROW_BUDGET_S = 2.5  # for each row of `pvtprof sweep`: building takes a tenth of it beside
ROW_LIMIT_S = 120.0  # until such a row is given up
REFERENCE_S = 300.0  # between two timings of the reference of a sweep
