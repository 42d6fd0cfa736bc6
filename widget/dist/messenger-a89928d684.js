/* Parlor messenger, MIT. Contains Preact, MIT, (c) 2015-present Jason Miller. */
function o(e){return{open(){},close(){},visitorChanged(){},pageChanged(){},configChanged(){}}}export{o as start};
