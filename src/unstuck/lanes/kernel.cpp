// A placeholder: members of a population along SIMD lanes. 64-32-16-10, tanh, cross-entropy, Adam.
// Every array has the member as its innermost axis, one vector register wide, so each lane does
// exactly what a scalar program for that member would do, in the same order. Compiled without
// contraction and without reassociation (flags in build.py) the bits are the same for every width,
// instruction set and compiler. Blocks of 4 samples x 2 units stay in registers.
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#define JOINED(name, suffix) name##suffix
#define NAMED(name, suffix) JOINED(name, suffix)
#define EXPORT(name) extern "C" void NAMED(name, SUFFIX)
#define L LANES
typedef REAL v __attribute__((vector_size(sizeof(REAL) * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
#define D0 64
#define D1 32
#define D2 16
#define D3 10
#define P (D0*D1+D1+D1*D2+D2+D2*D3+D3)
static inline v vexp(v x){ // exp, range reduced
  const REAL l2e=1.44269504f; v t=x*l2e;
  v mx=v{}+126.f, mn=v{}-126.f; t=(t>mx)?mx:t; t=(t<mn)?mn:t;
  v magic=v{}+12582912.f; v r=(t+magic)-magic; v f=t-r; 
  v p=1.0f+f*(0.69314718f+f*(0.24022651f+f*(0.05550411f+f*(0.00961813f+f*(0.00133336f+f*0.00015403f)))));
  vi e=__builtin_convertvector(r,vi); e=(e+127)<<23; typedef float vf __attribute__((vector_size(4 * LANES))); vf s; memcpy(&s,&e,sizeof s); return p*__builtin_convertvector(s,v); }
static inline v vtanh(v x){ v e=vexp(2.f*x); return 1.f-2.f/(e+1.f);} 
static inline v vsqrt(v x){ v r; for(int l=0;l<L;l++) r[l]=__builtin_sqrtf(x[l]); return r;}
// out[b,j]=bias[j]+sum_i in[b,i] W[i,j]
static void fwd(const v*in,const v*W,const v*bias,v*out,int B,int I,int J){
  int b=0;
  for(;b+4<=B;b+=4) for(int j=0;j<J;j+=2){
    v a00=bias[j],a01=bias[j+1],a10=a00,a11=a01,a20=a00,a21=a01,a30=a00,a31=a01;
    const v*x0=in+(b)*I,*x1=x0+I,*x2=x1+I,*x3=x2+I;
    for(int i=0;i<I;i++){ v w0=W[i*J+j],w1=W[i*J+j+1];
      a00+=x0[i]*w0;a01+=x0[i]*w1;a10+=x1[i]*w0;a11+=x1[i]*w1;a20+=x2[i]*w0;a21+=x2[i]*w1;a30+=x3[i]*w0;a31+=x3[i]*w1;}
    out[b*J+j]=a00;out[b*J+j+1]=a01;out[(b+1)*J+j]=a10;out[(b+1)*J+j+1]=a11;out[(b+2)*J+j]=a20;out[(b+2)*J+j+1]=a21;out[(b+3)*J+j]=a30;out[(b+3)*J+j+1]=a31;
  }
  for(;b<B;b++) for(int j=0;j<J;j+=2){ v a0=bias[j],a1=bias[j+1]; const v*x=in+b*I; for(int i=0;i<I;i++){a0+=x[i]*W[i*J+j];a1+=x[i]*W[i*J+j+1];} out[b*J+j]=a0;out[b*J+j+1]=a1;}
}
// gin[b,i]=sum_j g[b,j] W[i,j]
static void bwdx(const v*g,const v*W,v*gin,int B,int I,int J){
  int b=0; for(;b+4<=B;b+=4) for(int i=0;i<I;i+=2){ v z={}; v a00=z,a01=z,a10=z,a11=z,a20=z,a21=z,a30=z,a31=z;
    for(int j=0;j<J;j++){ v w0=W[i*J+j],w1=W[(i+1)*J+j]; v g0=g[b*J+j],g1=g[(b+1)*J+j],g2=g[(b+2)*J+j],g3=g[(b+3)*J+j];
      a00+=g0*w0;a01+=g0*w1;a10+=g1*w0;a11+=g1*w1;a20+=g2*w0;a21+=g2*w1;a30+=g3*w0;a31+=g3*w1;}
    gin[b*I+i]=a00;gin[b*I+i+1]=a01;gin[(b+1)*I+i]=a10;gin[(b+1)*I+i+1]=a11;gin[(b+2)*I+i]=a20;gin[(b+2)*I+i+1]=a21;gin[(b+3)*I+i]=a30;gin[(b+3)*I+i+1]=a31;}
  for(;b<B;b++) for(int i=0;i<I;i++){ v a={}; for(int j=0;j<J;j++) a+=g[b*J+j]*W[i*J+j]; gin[b*I+i]=a;}
}
// Adam fused with dW: grad of W[i,j]=sum_b in[b,i] g[b,j]
typedef struct{v lr,b1,b2,c1,c2,eps;} A;
static inline void upd(v*w,v*m,v*s,v g,const A*a){ *m=a->b1* *m+(1.f-a->b1)*g; *s=a->b2* *s+(1.f-a->b2)*g*g; *w-=a->lr*(*m*a->c1)/(vsqrt(*s*a->c2)+a->eps);} 
#define U(k,q,val) {int p=(i+k)*J+j+q; upd(W+p,M+p,S+p,val,a);}
static void dw(const v*in,const v*g,v*W,v*M,v*S,v*bias,v*bM,v*bS,int B,int I,int J,const A*a){
  for(int i=0;i<I;i+=4) for(int j=0;j<J;j+=2){ v z={}; v a00=z,a01=z,a10=z,a11=z,a20=z,a21=z,a30=z,a31=z;
    for(int b=0;b<B;b++){ const v*x=in+b*I+i; v g0=g[b*J+j],g1=g[b*J+j+1]; a00+=x[0]*g0;a01+=x[0]*g1;a10+=x[1]*g0;a11+=x[1]*g1;a20+=x[2]*g0;a21+=x[2]*g1;a30+=x[3]*g0;a31+=x[3]*g1;}
    U(0,0,a00)U(0,1,a01)U(1,0,a10)U(1,1,a11)U(2,0,a20)U(2,1,a21)U(3,0,a30)U(3,1,a31)}
  for(int j=0;j<J;j++){ v s={}; for(int b=0;b<B;b++) s+=g[b*J+j]; upd(bias+j,bM+j,bS+j,s,a);} }
// params laid [P][L]; X [N][64]; y [N]; idx [updates*B][L]
EXPORT(train)(v*p,v*m,v*s,const REAL*X,const int32_t*y,const int32_t*idx,const REAL*lr,int B,int updates){
  v*x=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D0),*h1=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D1),*h2=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D2),*o=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D3),*g2=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D2),*g1=(v*)aligned_alloc(sizeof(v),sizeof(v)*B*D1);
  int o1=D0*D1,o2=o1+D1,o3=o2+D1*D2,o4=o3+D2,o5=o4+D2*D3; v lrv; for(int l=0;l<L;l++) lrv[l]=lr[l];
  double q1=1,q2=1;
  for(int t=0;t<updates;t++){ const int32_t*id=idx+(size_t)t*B*L;
    for(int b=0;b<B;b++) for(int l=0;l<L;l++){ const REAL*r=X+(size_t)id[b*L+l]*D0; REAL*w=(REAL*)(x+b*D0)+l; for(int i=0;i<D0;i++) w[i*L]=r[i]; }
    fwd(x,p,p+o1,h1,B,D0,D1); for(int k=0;k<B*D1;k++) h1[k]=vtanh(h1[k]);
    fwd(h1,p+o2,p+o3,h2,B,D1,D2); for(int k=0;k<B*D2;k++) h2[k]=vtanh(h2[k]);
    fwd(h2,p+o4,p+o5,o,B,D2,D3);
    for(int b=0;b<B;b++){ v mx=o[b*D3]; for(int j=1;j<D3;j++){v z=o[b*D3+j]; mx=(z>mx)?z:mx;} v sum={}; for(int j=0;j<D3;j++){v e=vexp(o[b*D3+j]-mx); o[b*D3+j]=e; sum+=e;} v inv=1.f/(sum*(REAL)B); for(int j=0;j<D3;j++) o[b*D3+j]*=inv; for(int l=0;l<L;l++) o[b*D3+y[id[b*L+l]]][l]-=1.f/B; }
    bwdx(o,p+o4,g2,B,D2,D3); for(int k=0;k<B*D2;k++) g2[k]*=1.f-h2[k]*h2[k];
    bwdx(g2,p+o2,g1,B,D1,D2); for(int k=0;k<B*D1;k++) g1[k]*=1.f-h1[k]*h1[k];
    q1*=.9;q2*=.999; A a; v z={}; a.lr=lrv;a.b1=z+.9f;a.b2=z+.999f;a.c1=z+(REAL)(1/(1-q1));a.c2=z+(REAL)(1/(1-q2));a.eps=z+1e-8f;
    dw(x,g1,p,m,s,p+o1,m+o1,s+o1,B,D0,D1,&a); dw(h1,g2,p+o2,m+o2,s+o2,p+o3,m+o3,s+o3,B,D1,D2,&a); dw(h2,o,p+o4,m+o4,s+o4,p+o5,m+o5,s+o5,B,D2,D3,&a);
  }
}
