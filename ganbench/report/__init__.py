"""The report: results on disk to one offline HTML page."""
