//! The end of a tale: good weather, some weeks later, and nothing more happens by itself.

use std::sync::Arc;

use chrono::TimeDelta;
use desk::decode;
use runtime::log::Recorded;

use super::house::PROCESSES;
use super::tale::Tale;

/// Rounds in which everything comes to rest at the end.
const SETTLING_MAX: usize = 60;

impl Tale {
    /// Good weather and some weeks later: whatever has to happen by itself, happens, until nothing more does.
    pub(crate) async fn settle(&mut self) {
        self.house.weather.calm_down();
        self.come_to_rest().await;
        let calendar = &self.house.district.rules.calendar;
        let later = calendar.add_working_days(calendar.date_of(self.house.now()), 14);
        let later = calendar.opening_of(later) + TimeDelta::minutes(30);
        self.house.clock.set(later.to_utc());
        for index in 0..PROCESSES {
            self.house.restart(index);
        }
        self.come_to_rest().await;
        let before = self.house.length();
        // Every event once more, to every reaction, the cases in any order.
        for (reaction, process) in [(0, 0), (1, 1), (2, 0)] {
            let reaction = Arc::clone(&self.house.processes[process].reactions[reaction]);
            let order = self.chance.next();
            let mut events: Vec<&Recorded> = self.log.iter().collect();
            events.sort_by_key(|event| {
                let place = event
                    .subject
                    .bytes()
                    .fold(order, |sum, byte| sum.rotate_left(5).wrapping_add(u64::from(byte)));
                (place, event.sequence)
            });
            for event in events {
                reaction.react(event).await.unwrap();
                if self.house.length() > before {
                    let added = &self.house.log.events()[before as usize..];
                    self.print_case(&event.subject);
                    let types = added.iter().map(|new| new.headers.get("ce-type"));
                    panic!(
                        "reactions are at rest: event {} of {} told again added {:?}",
                        event.sequence,
                        event.subject,
                        types.collect::<Vec<_>>()
                    );
                }
            }
        }
        self.house.restart(0);
        let ticked = self.tick(0).await;
        assert_eq!((ticked, self.house.length()), (ticked, before), "timers are at rest");
    }

    /// Prints the history of a case, for whoever looks for the cause of a failure.
    fn print_case(&self, subject: &str) {
        for event in self.house.log.events().iter().filter(|event| event.subject == subject) {
            if let Ok((meta, data)) = decode(event) {
                println!("{} {} {} {data:?}", meta.sequence, meta.time, meta.actor);
            }
        }
    }

    async fn come_to_rest(&mut self) {
        // Told anew, the timers find everything that was missed.
        self.house.restart(1);
        for _ in 0..SETTLING_MAX {
            let before = self.house.length();
            self.catch_up().await;
            for delivery in std::mem::take(&mut self.pending) {
                let reaction = &self.house.processes[0].reactions[delivery.reaction];
                reaction.react(&self.log[delivery.sequence as usize - 1]).await.unwrap();
            }
            self.tick(1).await;
            if self.house.length() == before {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    /// The timers of a process, told everything, do all that is due; how many commands that is.
    async fn tick(&mut self, process: usize) -> usize {
        self.catch_up().await;
        let timers = Arc::clone(&self.house.processes[process].timers);
        timers.fold(&self.log[timers.checkpoint() as usize..]);
        let now = self.house.now();
        let orders = timers.due(now).await;
        let count = orders.len();
        for order in orders {
            timers.carry_out(order, now).await;
        }
        count
    }
}
