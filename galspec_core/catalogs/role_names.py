"""The words of roles and of votes over several labels, apart from the code that draws them: a search needs no more."""

KNOWLEDGE_BASE, TEST, PRETRAIN, VALIDATION = "knowledge_base", "test", "pretrain", "validation"
ALL_CLASSES, THREE_CLASSES = "classes", "bpt3"  # votes over all labels, and over the paper's table 2
TABLE2 = {"SF": "SF", "Seyfert": "AGN", "LINER": "AGN", "Normal": "Normal"}  # paper, section 4.1; Composite left out
