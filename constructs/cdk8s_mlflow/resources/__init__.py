"""One file per kind of object: a function from the plan to a literal in the API's shape and field order."""
