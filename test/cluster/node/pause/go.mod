module clawgym.io/pause

go 1.26
