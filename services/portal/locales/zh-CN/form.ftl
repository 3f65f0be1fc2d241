# Forms: what stands around the controls, whatever is asked.

form-send = 提交
form-optional = （选填）
form-summary = 还有内容需要补正
form-summary-refused = 没有办成，原因如下
form-refused = 系统未通过：{ $detail }
form-away = 暂时连不上后台，刚才的内容没有丢，请稍后再点一次提交。重复提交不会重复登记。
form-stale = 您填写期间，这件事项已有新的进展。请先看看变化，再决定是否提交；您填的内容仍在下面。
form-too-often = 操作太频繁，请 { $seconds } 秒后再试。
form-any = 全部
