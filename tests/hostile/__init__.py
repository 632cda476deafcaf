"""Files made to harm, given to the Job as it runs."""
