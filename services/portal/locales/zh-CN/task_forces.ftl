# The board: task forces, rulings, special handling.

forces-board = 专班、裁定与特事特办
forces-title = 专班
forces-none = 目前没有专班
forces-objective = 目标
forces-since = 成立
forces-chair = 牵头单位
forces-members = 成员单位
forces-comma = 、
forces-meeting = 已会商 { $count } 次，最近一次：{ $at }
forces-no-meeting = 还没会商，首次会商应在 { $at } 前召开
forces-actions = 未完成的任务
rulings-title = 待裁定
rulings-none = 没有等着裁定的事项
rulings-suggested = 建议由{ $department }承办
special-title = 特事特办
special-none = 没有正在把关的特事特办
special-waived = 申请变通的要求
special-facts = 情况
special-basis = 依据
special-layers = 四层把关
special-checked = 已把关
special-next = 轮到这一层
special-later = 等前面的意见
