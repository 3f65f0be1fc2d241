//! Rules of the decisions, told as given / when / then.
