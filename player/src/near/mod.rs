//! Which songs are alike, and which answer a question.
//!
//! A song is a vector of length 1 ([`vector`]): what the network's embedding and its tags say, each its share. Songs are
//! as near as the cosine between them. [`store`] keeps the vectors a thousand at a time, rounded to 8 bits; [`search`]
//! goes through all of them and gives the exact answer all the same, for the rounded ones only say which are worth
//! being computed in full. [`query`] is the language of `player search`, [`playlist`] makes an order of songs.

pub mod playlist;
pub mod query;
pub mod search;
pub mod store;
pub mod vector;
