"""Send requests of our own to both arms alike, when users send too little to judge by."""
