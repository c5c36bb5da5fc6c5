module fairlead.dev/pause

go 1.26.0
