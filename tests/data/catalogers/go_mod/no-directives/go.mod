// nothing

hello world
