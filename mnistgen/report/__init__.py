"""The paper's figures, tables and claims, redrawn from run folders and judged."""
