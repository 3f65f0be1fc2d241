//! The parts of figures by name: how a caller asks for one of the groups that a figure is broken down into.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use proto_events::codes::{Cause, Complexity, Stage};
use proto_events::ids::{CenterId, DepartmentId};

use super::Formula;
use super::count::Part;

/// What stands for a department that is none: nobody had the case, or nobody was named.
const NOBODY: &str = "-";

/// A part of a figure that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AskedPart {
    /// All of it.
    All,
    /// `complexity:hard`.
    Complexity(Complexity),
    /// `department:housing`, or `department:-` for nobody.
    Department(Option<DepartmentId>),
    /// `center:donghuashi`.
    Center(CenterId),
    /// `matter:…`.
    Matter(String),
    /// `blockage:P1:accept`.
    Blockage(Cause, Stage),
    /// `return:housing:civil-affairs`, or `return:housing:-` when nobody was named.
    Return(DepartmentId, Option<DepartmentId>),
}

/// A text names no part of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a part")]
pub struct UnknownPart;

impl AskedPart {
    /// Names a part.
    #[must_use]
    pub fn of(part: &Part<'_>) -> Self {
        match *part {
            Part::All => Self::All,
            Part::Complexity(complexity) => Self::Complexity(complexity),
            Part::Department(id) => Self::Department(id.cloned()),
            Part::Center(id) => Self::Center(id.clone()),
            Part::Matter(matter) => Self::Matter(matter.to_owned()),
            Part::Blockage(cause, stage) => Self::Blockage(cause, stage),
            Part::Return(from, to) => Self::Return(from.clone(), to.cloned()),
        }
    }

    /// Whether it is one of the groups of the same breakdown as this part.
    #[must_use]
    pub const fn is_beside(&self, part: &Part<'_>) -> bool {
        matches!(
            (self, part),
            (Self::All, Part::All)
                | (Self::Complexity(_), Part::Complexity(_))
                | (Self::Department(_), Part::Department(_))
                | (Self::Center(_), Part::Center(_))
                | (Self::Matter(_), Part::Matter(_))
                | (Self::Blockage(..), Part::Blockage(..))
                | (Self::Return(..), Part::Return(..))
        )
    }

    /// Whether small groups of the breakdown are suppressed: those that are about what people came with. Lengths by
    /// complexity come with their counts like every figure, and returns are about departments.
    #[must_use]
    pub const fn is_suppressed_when_small(&self) -> bool {
        !matches!(self, Self::All | Self::Complexity(_) | Self::Return(..))
    }

    /// Whether it is this part.
    #[must_use]
    pub fn is(&self, part: &Part<'_>) -> bool {
        match (self, part) {
            (Self::All, Part::All) => true,
            (Self::Complexity(asked), Part::Complexity(found)) => asked == found,
            (Self::Department(asked), Part::Department(found)) => asked.as_ref() == *found,
            (Self::Center(asked), Part::Center(found)) => asked == *found,
            (Self::Matter(asked), Part::Matter(found)) => asked == found,
            (Self::Blockage(cause, stage), Part::Blockage(found, at)) => {
                cause == found && stage == at
            }
            (Self::Return(from, to), Part::Return(found, others)) => {
                from == *found && to.as_ref() == *others
            }
            _ => false,
        }
    }

    /// Whether the figure is broken down so.
    #[must_use]
    pub const fn is_of(&self, formula: Formula) -> bool {
        matches!(
            (self, formula),
            (Self::All, _)
                | (Self::Complexity(_), Formula::LeadTimeP50 | Formula::LeadTimeP90)
                | (Self::Department(_), Formula::Dwell | Formula::Blockages)
                | (Self::Center(_) | Self::Matter(_) | Self::Blockage(..), Formula::Blockages)
                | (Self::Return(..), Formula::Returns)
        )
    }
}

impl fmt::Display for AskedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: &Option<DepartmentId>| {
            id.as_ref().map_or_else(|| NOBODY.to_owned(), |id| id.as_str().to_owned())
        };
        match self {
            Self::All => f.write_str("all"),
            Self::Complexity(complexity) => write!(f, "complexity:{complexity}"),
            Self::Department(id) => write!(f, "department:{}", name(id)),
            Self::Center(id) => write!(f, "center:{}", id.as_str()),
            Self::Matter(matter) => write!(f, "matter:{matter}"),
            Self::Blockage(cause, stage) => write!(f, "blockage:{cause}:{stage}"),
            Self::Return(from, to) => write!(f, "return:{}:{}", from.as_str(), name(to)),
        }
    }
}

impl FromStr for AskedPart {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        if text == "all" {
            return Ok(Self::All);
        }
        let (kind, rest) = text.split_once(':').ok_or(UnknownPart)?;
        let department = |text: &str| match text {
            NOBODY => Ok(None),
            id => id.parse().map(Some).map_err(|_| UnknownPart),
        };
        match kind {
            "complexity" => rest.parse().map(Self::Complexity).map_err(|_| UnknownPart),
            "department" => department(rest).map(Self::Department),
            "center" => rest.parse().map(Self::Center).map_err(|_| UnknownPart),
            "matter" => Ok(Self::Matter(rest.to_owned())),
            "blockage" => {
                let (cause, stage) = rest.split_once(':').ok_or(UnknownPart)?;
                let cause = cause.parse().map_err(|_| UnknownPart)?;
                Ok(Self::Blockage(cause, stage.parse().map_err(|_| UnknownPart)?))
            }
            "return" => {
                let (from, to) = rest.split_once(':').ok_or(UnknownPart)?;
                Ok(Self::Return(from.parse().map_err(|_| UnknownPart)?, department(to)?))
            }
            _ => Err(UnknownPart),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_part_is_read_as_it_is_written() {
        for text in [
            "all",
            "complexity:hard",
            "department:housing",
            "department:-",
            "center:donghuashi",
            "matter:公租房：申请",
            "blockage:P1:accept",
            "return:housing:civil-affairs",
            "return:housing:-",
        ] {
            assert_eq!(text.parse::<AskedPart>().unwrap().to_string(), text);
        }
        for text in ["", "hard", "complexity:easy", "blockage:P1", "return:housing", "person:x"] {
            assert_eq!(text.parse::<AskedPart>(), Err(UnknownPart), "{text}");
        }
    }
}
