# What waits for me.

inbox-title = 承办
inbox-tabs = 分类
inbox-mine = 待我办理
inbox-open = 在办
inbox-overdue = 已超时
inbox-paused = 暂停等待
inbox-done = 已办
inbox-nothing = 没有等您办理的事项
inbox-today = 今天到期
