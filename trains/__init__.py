"""发布批次: several orders of a project to one environment, wave after wave."""
