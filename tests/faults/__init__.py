"""The matrix of faults: every task × every fault that can hit it × how long it lasts."""
