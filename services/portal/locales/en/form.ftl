# Forms: what stands around the controls, whatever is asked.

form-send = Send
form-optional = (optional)
form-summary = Something needs another look
form-summary-refused = This was not done
form-refused = { $detail }
form-away = The house cannot be reached for the moment. Nothing you typed is lost; please send it again in a moment. Sending twice does nothing twice.
form-stale = While you were typing, something happened to this case. Look at what changed, then decide whether to send; what you typed is still below.
form-too-often = Too many tries. Please wait { $seconds } seconds.
form-any = Any
