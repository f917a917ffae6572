//! Finds chains in an ONNX graph and puts one node in the place of each.
//!
//! A chain is `[QuantizeLinear -> DequantizeLinear] -> Conv -> [MaxPool] -> [QuantizeLinear -> DequantizeLinear] -> [Elu] -> [QuantizeLinear ->
//! DequantizeLinear]`, where nobody else looks at what is between two nodes. The convolution is over time, without
//! padding, strides, dilation or groups; its weights are constants or dequantised constants; pools do not overlap.

use super::activation::FakeQuant;
use super::op::{OP_TYPE, attribute};
use super::peak_rewrite::rewrite_peaks;
use super::proto::{
    as_floats, float_proto, has_plain_windows, int, int_attribute, ints, is_elu, is_op, load, only_output,
    quant_attribute, single,
};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto};
use tract_onnx::tract_hir::internal::*;

/// Rewrites all chains and returns their number.
///
/// A graph that is damaged or unusual is left as it is: saying what is wrong with it is the reader's business.
pub(in crate::tagger) fn rewrite(model: &mut ModelProto) -> usize {
    let Some(graph) = &mut model.graph else { return 0 };
    let has_inner_graph =
        |node: &NodeProto| node.attribute.iter().any(|a| a.g.is_some() || !a.graphs.is_empty());
    if graph.node.iter().any(has_inner_graph) {
        return 0; // Inner graphs may use any name of the outer one.
    }
    let peaks = rewrite_peaks(graph);
    let chains = Names::of(graph).chains();
    let count = chains.len();
    apply(graph, chains);
    peaks + count
}

/// A chain, and what the node in its place will hold.
struct Chain {
    /// Indices of its nodes, the convolution first.
    nodes: Vec<usize>,
    input: String,
    output: String,
    weight: TensorProto,
    bias: TensorProto,
    input_quant: Option<FakeQuant>,
    pool: i64,
    first: Option<FakeQuant>,
    elu: bool,
    second: Option<FakeQuant>,
}

/// Who makes and who uses which name.
pub(super) struct Names<'g> {
    graph: &'g GraphProto,
    constants: HashMap<&'g str, &'g TensorProto>,
    makers: HashMap<&'g str, usize>,
    /// Indices of nodes, one entry per use.
    users: HashMap<&'g str, Vec<usize>>,
    outputs: HashSet<&'g str>,
}

impl<'g> Names<'g> {
    pub fn of(graph: &'g GraphProto) -> Self {
        let mut names = Self {
            graph,
            constants: graph.initializer.iter().map(|tensor| (&*tensor.name, tensor)).collect(),
            makers: HashMap::new(),
            users: HashMap::new(),
            outputs: graph.output.iter().map(|output| &*output.name).collect(),
        };
        // Constants that are inputs as well may be replaced by whoever runs the graph.
        names.constants.retain(|name, _| graph.input.iter().all(|input| input.name != *name));
        for (i, node) in graph.node.iter().enumerate() {
            names.makers.extend(node.output.iter().map(|name| (&**name, i)));
            node.input.iter().for_each(|name| names.users.entry(name).or_default().push(i));
        }
        names
    }

    pub fn graph(&self) -> &'g GraphProto {
        self.graph
    }

    fn chains(&self) -> Vec<Chain> {
        let mut chains: Vec<Chain> = (0..self.graph.node.len()).filter_map(|i| self.chain_from(i)).collect();
        let taken: HashSet<usize> = chains.iter().flat_map(|chain| chain.nodes.iter().copied()).collect();
        // What a chain ends with is no longer free for the next one to begin with.
        for chain in &mut chains {
            let before = self.rounding_before(chain.nodes[0]);
            if let Some((pair, quant)) = before.filter(|(pair, _)| pair.iter().all(|i| !taken.contains(i))) {
                chain.input_quant = Some(quant);
                chain.input.clone_from(&self.graph.node[pair[0]].input[0]);
                chain.nodes.extend(pair);
            }
        }
        chains
    }

    fn chain_from(&self, start: usize) -> Option<Chain> {
        let conv = &self.graph.node[start];
        if !is_op(conv, "Conv") || conv.input.len() < 2 {
            return None;
        }
        let weight = self.floats(&conv.input[1])?;
        let &[out, _, taps] = weight.shape() else { return None };
        if !has_plain_windows(conv, taps as i64, 1) || int(conv, "group", 1) != 1 {
            return None;
        }
        let bias = match conv.input.get(2) {
            Some(name) if !name.is_empty() => self.floats(name)?,
            _ => Tensor::zero::<f32>(&[out]).ok()?,
        };
        let mut chain = Chain {
            nodes: vec![start],
            input: conv.input[0].clone(),
            output: only_output(conv)?.into(),
            weight: float_proto(format!("{}.minim.weight", conv.output[0]), &weight)?,
            bias: float_proto(format!("{}.minim.bias", conv.output[0]), &bias)?,
            input_quant: None,
            pool: 1,
            first: None,
            elu: false,
            second: None,
        };
        if let Some((i, pool)) = self.next(&chain.output).and_then(|i| Some((i, self.pool(i)?))) {
            chain.pool = pool;
            chain.extend(&self.graph.node[i], &[i]);
        }
        if let Some((pair, quant)) = self.fake_quant(&chain.output) {
            chain.first = Some(quant);
            chain.extend(&self.graph.node[pair[1]], &pair);
        }
        if let Some(i) = self.next(&chain.output).filter(|&i| is_elu(&self.graph.node[i])) {
            chain.elu = true;
            chain.extend(&self.graph.node[i], &[i]);
        }
        // Without a first rounding and an ELU, this would have been the first.
        if let Some((pair, quant)) = self.fake_quant(&chain.output).filter(|_| chain.elu) {
            chain.second = Some(quant);
            chain.extend(&self.graph.node[pair[1]], &pair);
        }
        Some(chain)
    }

    /// The only user of a name, when that is the first input of a node with one output.
    pub fn next(&self, name: &str) -> Option<usize> {
        let &[user] = &self.users.get(name)?[..] else { return None };
        let node = &self.graph.node[user];
        let first_input = node.input.first().is_some_and(|input| input == name);
        (first_input && !self.outputs.contains(name) && only_output(node).is_some()).then_some(user)
    }

    fn pool(&self, i: usize) -> Option<i64> {
        let node = &self.graph.node[i];
        let &[pool] = ints(node, "kernel_shape")? else { return None };
        let plain =
            is_op(node, "MaxPool") && has_plain_windows(node, pool, pool) && int(node, "ceil_mode", 0) == 0;
        (plain && (1..=1 << 16).contains(&pool)).then_some(pool)
    }

    /// A rounding that starts at `name`: its two nodes and its numbers.
    fn fake_quant(&self, name: &str) -> Option<([usize; 2], FakeQuant)> {
        let first = self.next(name)?;
        let second = self.next(only_output(&self.graph.node[first])?)?;
        Some(([first, second], self.quant_of_pair(first, second)?))
    }

    /// A rounding of the first input of a node, of which nobody else sees anything.
    fn rounding_before(&self, user: usize) -> Option<([usize; 2], FakeQuant)> {
        let maker_of_input = |i: usize| self.makers.get(self.graph.node[i].input.first()?.as_str()).copied();
        let second = maker_of_input(user)?;
        let first = maker_of_input(second)?;
        let leads_to = |i: usize| self.next(only_output(&self.graph.node[i])?);
        let alone = leads_to(first) == Some(second) && leads_to(second) == Some(user);
        let quant = self.quant_of_pair(first, second).filter(|_| alone)?;
        Some(([first, second], quant))
    }

    fn quant_of_pair(&self, first: usize, second: usize) -> Option<FakeQuant> {
        let (quantise, dequantise) = (&self.graph.node[first], &self.graph.node[second]);
        let plain = |node: &NodeProto| node.attribute.iter().all(|attribute| attribute.name == "axis");
        if !is_op(quantise, "QuantizeLinear") || !is_op(dequantise, "DequantizeLinear") {
            return None;
        }
        if !plain(quantise) || !plain(dequantise) {
            return None;
        }
        let quant = self.quant_numbers(quantise)?;
        (self.quant_numbers(dequantise)? == quant).then_some(quant)
    }

    fn quant_numbers(&self, node: &NodeProto) -> Option<FakeQuant> {
        let scale = single(self.constants.get(node.input.get(1)?.as_str())?)?;
        let (zero_point, lowest) = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(name) => {
                let tensor = self.constants.get(name.as_str())?;
                let lowest = match tensor_proto::DataType::try_from(tensor.data_type).ok()? {
                    tensor_proto::DataType::Int8 => -128.0,
                    tensor_proto::DataType::Uint8 => 0.0,
                    _ => return None,
                };
                (single(tensor)?, lowest)
            }
            None => (0.0, 0.0),
        };
        let usable = scale.is_finite() && scale > 0.0;
        usable.then_some(FakeQuant { scale, zero_point, lowest })
    }

    /// A float32 constant, or a constant behind a DequantizeLinear with one scale, or one per output channel.
    pub fn floats(&self, name: &str) -> Option<Tensor> {
        if let Some(tensor) = self.constants.get(name) {
            return load(tensor).filter(|tensor| tensor.datum_type() == f32::datum_type());
        }
        let node = &self.graph.node[*self.makers.get(name)?];
        let constant = |i: usize| load(self.constants.get(node.input.get(i)?.as_str())?);
        if !is_op(node, "DequantizeLinear") || node.attribute.iter().any(|attribute| attribute.name != "axis")
        {
            return None;
        }
        let (codes, scale) = (constant(0)?, constant(1)?);
        let zero_point = match node.input.get(2).filter(|name| !name.is_empty()) {
            Some(_) => constant(2)?,
            None => Tensor::zero::<f32>(&[]).ok()?,
        };
        let per_channel = codes.shape().first().copied()?;
        let axis = int(node, "axis", 1);
        let first_axis = axis == 0 || axis == -(codes.rank() as i64);
        let scale_fits = scale.len() == 1 || (scale.len() == per_channel && first_axis);
        if !scale_fits || (zero_point.len() != 1 && zero_point.len() != scale.len()) || codes.len() == 0 {
            return None;
        }
        let mut values = as_floats(&codes)?;
        let (scale, zero_point) = (as_floats(&scale)?, as_floats(&zero_point)?);
        let each = values.len() / per_channel;
        for (channel, values) in values.chunks_exact_mut(each).enumerate() {
            let of = |numbers: &[f32]| numbers[if numbers.len() == 1 { 0 } else { channel }];
            let (scale, zero_point) = (of(&scale), of(&zero_point));
            values.iter_mut().for_each(|value| *value = (*value - zero_point) * scale);
        }
        Tensor::from_shape(codes.shape(), &values).ok()
    }
}

impl Chain {
    fn extend(&mut self, last: &NodeProto, nodes: &[usize]) {
        self.nodes.extend(nodes);
        self.output.clone_from(&last.output[0]);
    }

    fn into_node(self, frames_first_in: bool, frames_first_out: bool) -> (NodeProto, [TensorProto; 2]) {
        let mut attributes = vec![
            int_attribute(attribute::POOL, self.pool),
            int_attribute(attribute::ELU, self.elu.into()),
            int_attribute(attribute::FRAMES_FIRST_IN, frames_first_in.into()),
            int_attribute(attribute::FRAMES_FIRST_OUT, frames_first_out.into()),
        ];
        let quants = [
            (attribute::INPUT_QUANT, self.input_quant),
            (attribute::FIRST_QUANT, self.first),
            (attribute::SECOND_QUANT, self.second),
        ];
        attributes.extend(quants.into_iter().filter_map(|(name, quant)| Some(quant_attribute(name, quant?))));
        let node = NodeProto {
            name: format!("{}.minim", self.output),
            op_type: OP_TYPE.into(),
            domain: "minim".into(),
            input: vec![self.input, self.weight.name.clone(), self.bias.name.clone()],
            output: vec![self.output],
            attribute: attributes,
            doc_string: String::new(),
        };
        (node, [self.weight, self.bias])
    }
}

fn apply(graph: &mut GraphProto, chains: Vec<Chain>) {
    // Where one chain runs straight into the next, frames go first between the two.
    let between: HashSet<String> = {
        let names = Names::of(graph);
        let starts: HashSet<usize> = chains.iter().map(|chain| chain.nodes[0]).collect();
        let next_is_chain = |name: &str| names.next(name).is_some_and(|next| starts.contains(&next));
        chains.iter().map(|chain| &chain.output).filter(|name| next_is_chain(name)).cloned().collect()
    };
    graph.value_info.retain(|info| !between.contains(&info.name));
    let replaced: HashSet<usize> = chains.iter().flat_map(|chain| chain.nodes.iter().copied()).collect();
    take_out(graph, &replaced);
    for chain in chains {
        let (first_in, first_out) = (between.contains(&chain.input), between.contains(&chain.output));
        let (node, tensors) = chain.into_node(first_in, first_out);
        graph.node.push(node);
        graph.initializer.extend(tensors);
    }
    drop_unused(graph);
}

/// Takes out the nodes with these indices.
pub(super) fn take_out(graph: &mut GraphProto, indices: &HashSet<usize>) {
    let mut i = 0;
    graph.node.retain(|_| {
        i += 1;
        !indices.contains(&(i - 1))
    });
}

/// Takes out what dequantised the weights, and then constants that nobody uses.
pub(super) fn drop_unused(graph: &mut GraphProto) {
    let used = |graph: &GraphProto| -> HashSet<String> {
        let inputs = graph.node.iter().flat_map(|node| &node.input);
        inputs.chain(graph.output.iter().map(|output| &output.name)).cloned().collect()
    };
    let names = used(graph);
    graph.node.retain(|node| {
        !is_op(node, "DequantizeLinear") || node.output.iter().any(|name| names.contains(name))
    });
    let names = used(graph);
    graph.initializer.retain(|tensor| names.contains(&tensor.name));
}
