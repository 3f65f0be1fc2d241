# The list of cases.

cases-title = 事项
cases-none = 没有符合条件的事项
cases-all = 查看全部
cases-case = 事项
cases-standing = 状态
cases-next = 下一步
cases-due = 应于
cases-filter = 筛选事项
cases-q = 搜索
cases-center = 受理中心
cases-sort = 排序
cases-open = 只看在办
cases-overdue = 只看超时
cases-to-act = 只看待我办
cases-arrived-late = 只看晚到
cases-find = 筛选
cases-any = 不限
sort-due = 先到期的在前
sort-due-last = 后到期的在前
sort-opened-last = 新登记的在前
sort-opened = 早登记的在前
